# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the scripts share: the tree's root, and steps that print one line and keep their output in a
# file. Sourced, never run. Must not know what is built or installed.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
cd "$root"

# step <what> <command…>: quiet when all is well; on failure the end of its output, and exit.
step() {
    local what=$1 log start rc=0
    shift
    mkdir -p "$logs"
    log=$logs/$(printf '%s' "$what" | tr -c 'A-Za-z0-9\n' '-').log
    start=$SECONDS
    printf '%s: ' "$what"
    "$@" >"$log" 2>&1 </dev/null || rc=$?
    if [ "$rc" -ne 0 ]; then
        echo "FAILED (exit code $rc)"
        echo "---- the end of ${log#"$root"/}:"
        tail -n 40 "$log"
        echo "----"
        return "$rc"
    fi
    echo "ok ($((SECONDS - start)) s)"
}
