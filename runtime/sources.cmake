# SPDX-License-Identifier: Apache-2.0
set(RNM_RUNTIME_SOURCES
  runtime/arena.c
  runtime/context.c
  runtime/cpu.c
  runtime/execute.c
  runtime/expand/drop.c
  runtime/expand/f.c
  runtime/expand/linear.c
  runtime/expand/mask_rows.c
  runtime/expand/rows.c
  runtime/expand/s.c
  runtime/kernels/activation.c
  runtime/kernels/plain.c
  runtime/kernels/select.c
  runtime/load.c
  runtime/memory.c
  runtime/ops/choose.c
  runtime/ops/conv.c
  runtime/ops/copy.c
  runtime/ops/direct.c
  runtime/ops/elementwise.c
  runtime/ops/op.c
  runtime/ops/pool.c
  runtime/ops/softmax.c
  runtime/ops/winograd.c
  runtime/plan.c
  runtime/report.c
  runtime/threads.c
  runtime/weights.c)
set(RNM_XNNPACK_SOURCES
  runtime/ops/xnn.c)
# One file an instruction set, built with its flags only where the target has it.
set(RNM_X86_KERNELS
  runtime/kernels/x86/sse2.c
  runtime/kernels/x86/avx2.c
  runtime/kernels/x86/avx512.c)
set(RNM_ARM_KERNELS runtime/kernels/arm/neon.c)
