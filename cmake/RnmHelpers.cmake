# SPDX-License-Identifier: Apache-2.0
# Warnings, sanitizers and the two shapes of target that the project has.

add_library(rnm_flags INTERFACE)
target_compile_options(rnm_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef
  -fno-math-errno
  # Every rounding of the format is specified: no fused multiply-add unless a kernel asks for it.
  -ffp-contract=off)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(rnm_flags INTERFACE -Wno-gnu -Wno-sign-conversion)
else()
  # GCC cannot see that rnm_fail never returns success and so takes every result that is left alone
  # on failure for uninitialised. clang, valgrind and the sanitizers watch over this.
  target_compile_options(rnm_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(RNM_WERROR)
  target_compile_options(rnm_flags INTERFACE -Werror)
endif()
if(RNM_SANITIZE)
  target_compile_options(rnm_flags INTERFACE
    -fsanitize=${RNM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(rnm_flags INTERFACE -fsanitize=${RNM_SANITIZE})
endif()

# How sources of the library are compiled in Release builds that are not for speed above all
# (runtime/sources.cmake). Without tables for unwinding, which nothing in C needs: they are a tenth of
# the library. Functions in sections of their own, of which the linker leaves out the compiler's.
set(RNM_VECTOR_FLAGS -O2)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND RNM_VECTOR_FLAGS -ftree-vectorize -fvect-cost-model=dynamic)
endif()
set(RNM_SMALL_FLAGS -Os)
set(RNM_LIBRARY_FLAGS -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections)

# rnm_optimise(FLAGS source...): flags of sources in Release builds; paths from the root.
function(rnm_optimise flags)
  set(sources ${ARGN})
  list(TRANSFORM sources PREPEND "${PROJECT_SOURCE_DIR}/")
  set_property(SOURCE ${sources} APPEND PROPERTY
    COMPILE_OPTIONS "$<$<CONFIG:Release>:${flags}>")
endfunction()

# rnm_add_objects(NAME source...): an object library with the project's flags; paths from the root.
function(rnm_add_objects name)
  set(sources ${ARGN})
  list(TRANSFORM sources PREPEND "${PROJECT_SOURCE_DIR}/")
  add_library(${name} OBJECT ${sources})
  target_link_libraries(${name} PUBLIC rnm_flags)
endfunction()

# rnm_add_test(NAME name SOURCES file... [LIBS target...] [LABELS label...] [ARGS arg...])
# A cmocka program that is one ctest test.
function(rnm_add_test)
  cmake_parse_arguments(T "" "NAME" "SOURCES;LIBS;LABELS;ARGS" ${ARGN})
  add_executable(test_${T_NAME} ${T_SOURCES})
  target_link_libraries(test_${T_NAME} PRIVATE rnm_flags ${T_LIBS} cmocka m)
  add_test(NAME ${T_NAME} COMMAND test_${T_NAME} ${T_ARGS})
  set_tests_properties(${T_NAME} PROPERTIES LABELS "${T_LABELS}" TIMEOUT 600)
endfunction()

# What .pc files call their prefix: found from where they lie, so that a tree installed with another
# --prefix works as it is.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(RNM_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH rnm_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  set(RNM_PC_PREFIX "\${pcfiledir}/${rnm_pc_up}")
endif()
