# SPDX-License-Identifier: Apache-2.0
# The structs of ONNX's protobuf schema, generated from the system's onnx.proto.

find_package(PkgConfig REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_program(PROTOC_C NAMES protoc-c REQUIRED)
find_file(ONNX_PROTO NAMES onnx/onnx.proto REQUIRED)

get_filename_component(onnx_proto_root "${ONNX_PROTO}" DIRECTORY)
set(onnx_proto_out "${CMAKE_CURRENT_BINARY_DIR}/onnx_proto")
file(MAKE_DIRECTORY "${onnx_proto_out}")
add_custom_command(
  OUTPUT "${onnx_proto_out}/onnx.pb-c.c" "${onnx_proto_out}/onnx.pb-c.h"
  COMMAND "${PROTOC_C}" "--proto_path=${onnx_proto_root}" "--c_out=${onnx_proto_out}" onnx.proto
  DEPENDS "${ONNX_PROTO}"
  VERBATIM)

# rnm_add_onnx_proto(TARGET): the target has the structs; warnings are for what is written here.
function(rnm_add_onnx_proto target)
  set_source_files_properties("${onnx_proto_out}/onnx.pb-c.c" PROPERTIES COMPILE_OPTIONS -w)
  target_sources(${target} PRIVATE
    "${onnx_proto_out}/onnx.pb-c.c" "${onnx_proto_out}/onnx.pb-c.h")
  target_include_directories(${target} SYSTEM PUBLIC "${onnx_proto_out}")
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()
