#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# test.sh [--long] [preset…]: install what is missing, then configure, build and test each preset
# (all of them, if none is named); --long also runs the tests that take minutes. Goes on after a
# failure, says at the end what failed, and exits with 1 then. RSM_WERROR=ON makes warnings errors.
# Leaves logs in build/logs.

# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

select=(-LE '^long$')
presets=()
for argument in "$@"; do
    case $argument in
    --long) select=() ;;
    -*)
        echo "usage: $0 [--long] [preset]..." >&2
        exit 2
        ;;
    *) presets+=("$argument") ;;
    esac
done
if [ "${#presets[@]}" -eq 0 ]; then
    presets=(unit asan openmpi mpich)
fi

tests=0
failures=0
bad=()

# Tests of one preset. ctest's own lines go to the terminal; its totals are read back from the log.
run_tests() {
    local preset=$1 log=$logs/ctest-$1.log rc=0 totals
    ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j 2 \
        ${select[@]+"${select[@]}"} 2>&1 | tee "$log" || rc=$?
    totals=$(sed -n 's/^.*tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*$/\1 \2/p' "$log")
    if [ -n "$totals" ]; then
        failures=$((failures + ${totals% *}))
        tests=$((tests + ${totals#* }))
    fi
    return "$rc"
}

step "Install what is missing" scripts/setup.sh test

for preset in "${presets[@]}"; do
    echo
    echo "==== $preset"
    if ! step "Configure $preset" cmake --preset "$preset" "-DRSM_WERROR=${RSM_WERROR:-OFF}"; then
        bad+=("$preset (configure)")
    elif ! step "Build $preset" cmake --build --preset "$preset"; then
        bad+=("$preset (build)")
    elif ! run_tests "$preset"; then
        bad+=("$preset (tests)")
    fi
done

echo
echo "==== total: $tests tests in ${#presets[@]} builds (${presets[*]}), $failures failed"
if [ "${#bad[@]}" -ne 0 ]; then
    printf 'FAILED: %s\n' "${bad[@]}"
    exit 1
fi
echo "All passed."
