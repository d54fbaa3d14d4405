# SPDX-License-Identifier: Apache-2.0
# Writes the C file that holds models/topology/*.yaml and models/datasets/*.yaml.
function(embed_files out table files)
  set(arrays "")
  set(rows "")
  set(index 0)
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME_WE)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,){20})" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const char ${table}_${index}[] = {\n${bytes}0x00};\n")
    string(APPEND rows
      "    {\"${name}\", ${table}_${index}, sizeof ${table}_${index} - 1},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  string(APPEND arrays "const rnc_embedded rnc_embedded_${table}s[] = {\n${rows}};\n")
  if(table STREQUAL "topology")
    string(REPLACE "topologys" "topologies" arrays "${arrays}")
  endif()
  string(APPEND arrays "const size_t rnc_embedded_${table}_count = ${index};\n")
  set(${out} "${arrays}" PARENT_SCOPE)
endfunction()

embed_files(topologies topology "${TOPOLOGIES}")
embed_files(datasets dataset "${DATASETS}")
file(WRITE "${OUTPUT}"
  "/* Generated from models/ by cmake/Embed.cmake. */\n#include \"topology/topology.h\"\n"
  "${topologies}${datasets}")
