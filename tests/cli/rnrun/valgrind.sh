#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One run of rnrun in every mode under valgrind: no read of what nobody wrote or took, nothing lost.
# Usage: valgrind.sh RNRUN RNRUN_MODELS
set -eu
suppressions=$(dirname "$0")/valgrind.supp
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$2" "$folder"
for mode in load "load --no-xnnpack" lazy layer panel "panel --direct" "panel --isa=plain"; do
    echo "--expand=$mode"
    # The words of a mode are options of their own.
    # shellcheck disable=SC2086
    valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect \
        --suppressions="$suppressions" \
        "$1" "$folder/small.rnm" --bench=1 --batch=2 --threads=2 --quiet --expand=$mode
done
