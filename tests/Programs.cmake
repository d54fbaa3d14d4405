# SPDX-License-Identifier: Apache-2.0
# How tests run programs: on the instruction sets of this processor, and under an emulator.

set(RNM_ISAS plain)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND RNM_ISAS sse2 avx2 avx512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  list(APPEND RNM_ISAS neon)
endif()

# rnm_program(VAR target): a file that runs the target. In a cross build that is a script with the
# emulator in it, for tests that are not the program themselves but call it.
function(rnm_program result target)
  set(file "$<TARGET_FILE:${target}>")
  if(CMAKE_CROSSCOMPILING)
    list(JOIN CMAKE_CROSSCOMPILING_EMULATOR "' '" emulator)
    set(script "${PROJECT_BINARY_DIR}/tests/emulated/${target}")
    file(GENERATE OUTPUT "${script}" CONTENT "#!/bin/sh\nexec '${emulator}' '${file}' \"$@\"\n"
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
    set(file "${script}")
  endif()
  set(${result} "${file}" PARENT_SCOPE)
endfunction()

# rnm_rerun(name seconds environment COMMAND...): a test once more on each instruction set alone, as
# name_ISA with the label isa_ISA; skipped where the processor lacks it. An emulator has no others
# than the test itself goes through.
function(rnm_rerun name seconds environment)
  if(CMAKE_CROSSCOMPILING)
    return()
  endif()
  foreach(isa IN LISTS RNM_ISAS)
    add_test(NAME ${name}_${isa} COMMAND with_isa ${isa} ${ARGN})
    set_tests_properties(${name}_${isa} PROPERTIES LABELS "isa_${isa}" SKIP_RETURN_CODE 77
      TIMEOUT ${seconds} ENVIRONMENT "${environment}")
  endforeach()
endfunction()
