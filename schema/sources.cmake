# SPDX-License-Identifier: Apache-2.0
set(RNM_SCHEMA_SOURCES
  schema/base.c
  schema/digest.c
  schema/expand_ref.c
  schema/ops.c
  schema/shape.c
  schema/shape_ops.c
  schema/shape_window.c)
