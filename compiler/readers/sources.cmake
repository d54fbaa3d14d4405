# SPDX-License-Identifier: Apache-2.0
set(RNC_READER_SOURCES
  compiler/readers/arena.c
  compiler/readers/map.c
  compiler/readers/onnx.c
  compiler/readers/onnx_wire.c
  compiler/readers/pickle.c
  compiler/readers/pickle_build.c
  compiler/readers/pickle_ops.c
  compiler/readers/tensor.c
  compiler/readers/torch_hints.c
  compiler/readers/torch_legacy.c
  compiler/readers/torch_state.c
  compiler/readers/torch_storage.c
  compiler/readers/torch_zip.c
  compiler/readers/weights.c
  compiler/readers/zip.c)
