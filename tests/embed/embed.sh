#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the build to a temporary prefix, builds an application against it through pkg-config,
# linked with the shared and with the static library, and runs it: with XNNPACK, if it was built so,
# and where XNNPACK is not to be found. Another one loads the library more than once.
set -eu
cmake=$1 build=$2 libdir=$3 cc=$4 tests=$5 write_model=$6 work=$7

prefix=$work/prefix
rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null

export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
"$write_model" "$work/small.rnm"

# $(...) is to be split into words.
"$cc" -std=c11 -Wall -Wextra -Werror -o "$work/app_shared" "$tests/app.c" \
    $(pkg-config --cflags --libs rnm) -ldl
LD_LIBRARY_PATH="$prefix/$libdir" "$work/app_shared" "$work/small.rnm"

if ! pkg-config --static --libs rnm | grep -q XNNPACK; then
    echo 'void *dlopen(const char *name, int mode) { (void)name; (void)mode; return (void *)0; }' |
        "$cc" -shared -fPIC -x c -o "$work/nothing_found.so" -
    LD_PRELOAD="$work/nothing_found.so" LD_LIBRARY_PATH="$prefix/$libdir" \
        "$work/app_shared" "$work/small.rnm" | grep "own kernels only"
fi

"$cc" -std=c11 -Wall -Wextra -Werror -o "$work/reload" "$tests/reload.c" \
    $(pkg-config --cflags rnm) -ldl
"$work/reload" "$prefix/$libdir/librnm.so" "$work/small.rnm"

"$cc" -std=c11 -Wall -Wextra -Werror -o "$work/app_static" "$tests/app.c" \
    $(pkg-config --cflags rnm) "$prefix/$libdir/librnm.a" \
    $(pkg-config --static --libs-only-l rnm | sed 's/-lrnm//') -ldl
"$work/app_static" "$work/small.rnm"

# Nothing but the public functions is exported.
if nm -D --defined-only "$prefix/$libdir/librnm.so" | awk '{print $3}' | grep -v '^rnm_'; then
    echo "embed: symbols above are exported and should not be" >&2
    exit 1
fi
