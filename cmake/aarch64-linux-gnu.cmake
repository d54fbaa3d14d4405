# SPDX-License-Identifier: Apache-2.0
# Cross compiling to aarch64 Linux with Debian's gcc-aarch64-linux-gnu; tests run under qemu-user:
#
#   tools/sysroot arm64 /tmp/arm64
#   cmake -S . -B build-aarch64 -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake \
#     -DCMAKE_SYSROOT=/tmp/arm64 -DRNM_COMPILER=OFF -DRNM_XNNPACK=OFF
#
# Without CMAKE_SYSROOT the libraries are sought in this system, where it has them for arm64.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
if(CMAKE_SYSROOT)
  set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${CMAKE_SYSROOT}")
else()
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
endif()
