# SPDX-License-Identifier: Apache-2.0
# By how they are compiled, which is what decides the library's size. Convolutions and what stands
# between them: for speed.
set(RNM_FAST_SOURCES
  runtime/expand/codes.c
  runtime/expand/drop.c
  runtime/expand/f.c
  runtime/expand/linear.c
  runtime/expand/mask_rows.c
  runtime/expand/rows.c
  runtime/expand/s.c
  runtime/expand/transformed.c
  runtime/kernels/activation.c
  runtime/kernels/plain.c
  runtime/ops/conv.c
  runtime/ops/copy.c
  runtime/ops/direct.c
  runtime/ops/elementwise.c
  runtime/ops/few.c
  runtime/ops/packed.c
  runtime/ops/pool.c
  runtime/ops/repeats.c
  runtime/ops/tables.c
  runtime/ops/winograd.c
  runtime/threads.c
  runtime/weights.c)
# What else goes over whole maps: in vectors, but not unrolled.
set(RNM_VECTOR_SOURCES
  runtime/expand/mixture.c
  runtime/ops/binary.c
  runtime/ops/matmul.c
  runtime/ops/mix.c
  runtime/ops/normalise.c
  runtime/ops/pad.c
  runtime/ops/resize.c
  runtime/ops/softmax.c
  runtime/ops/strided.c
  runtime/ops/transposed.c)
# What plans, or is rare in a CNN: for size.
set(RNM_SMALL_SOURCES
  runtime/arena.c
  runtime/budget.c
  runtime/context.c
  runtime/cost.c
  runtime/cpu.c
  runtime/execute.c
  runtime/keep.c
  runtime/kernels/select.c
  runtime/layers.c
  runtime/load.c
  runtime/memory.c
  runtime/ops/along.c
  runtime/ops/cast.c
  runtime/ops/choose.c
  runtime/ops/compare.c
  runtime/ops/dynamic.c
  runtime/ops/gather.c
  runtime/ops/integer.c
  runtime/ops/move.c
  runtime/ops/nms.c
  runtime/ops/op.c
  runtime/ops/quantize.c
  runtime/ops/reduce.c
  runtime/ops/unary.c
  runtime/plan.c
  runtime/pool.c
  runtime/report.c
  runtime/team.c
  runtime/tuning.c)
set(RNM_XNNPACK_SOURCES
  runtime/ops/xnn.c)
# One file an instruction set, built with its flags only where the target has it.
set(RNM_X86_KERNELS
  runtime/kernels/x86/sse2.c
  runtime/kernels/x86/avx2.c
  runtime/kernels/x86/avx512.c)
set(RNM_ARM_KERNELS runtime/kernels/arm/neon.c)
