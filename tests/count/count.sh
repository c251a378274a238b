#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Counts the instructions of each row of count.c, with valgrind, and compares them with a table of
# budgets. Without a table it only prints. A count is exact: the same program gives the same number
# in every run, on every processor, however busy the machine is.
#
#   count.sh PROGRAM [BUDGETS BUILD]
#
# BUDGETS: lines "name budget" in instructions per call, and one line "build: TEXT" that says what
# build they hold for. Fails if a row needs more than its budget, or if table and program do not
# have the same rows. Exits with 77 if there is no valgrind, or if BUILD is another build.

set -euo pipefail

program=$1
budgets=${2-}
build=${3-}
calls=1000

skip() {
    echo "SKIP: $1"
    exit 77
}

if ! command -v valgrind >/dev/null; then
    skip "valgrind is not installed (scripts/setup.sh test)"
fi
if [ -n "$budgets" ]; then
    wanted=$(sed -n 's/^build: *//p' "$budgets")
    if [ "$wanted" != "$build" ]; then
        skip "the budgets hold for '$wanted', this is '$build'"
    fi
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/count.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# Without the wish below, libc copies with the widest instructions of the processor at hand.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load

# Names at full length, so that a line can be read without those before it.
if ! valgrind --tool=callgrind --zero-before=count_begin --dump-line=no --compress-strings=no \
    --compress-pos=no --callgrind-out-file="$folder/profile" "$program" $calls \
    >"$folder/log" 2>&1; then
    cat "$folder/log"
    echo "FAIL: $program, under valgrind"
    exit 1
fi

# In the profile a function's block begins with "fn=", and has for each callee "cfn=", "calls=" and a
# line that ends with the instructions of all these calls. Ours: "row instructions-per-call".
awk -v calls=$calls '
    /^fn=/ { row = /^fn=count_/ && !/^fn=count_begin/ ? substr($0, length("fn=count_") + 1) : "" }
    cost_follows && row != "" { cost[row] += $NF }
    { cost_follows = /^calls=/ }
    END { for (row in cost) print row, cost[row] / calls }
' "$folder/profile" | sort >"$folder/counts"
if [ ! -s "$folder/counts" ]; then
    echo "FAIL: nothing was counted"
    exit 1
fi

if [ -z "$budgets" ]; then
    cat "$folder/counts"
    exit 0
fi
awk '
    BEGIN { printf "%-24s %8s %8s\n", "instructions per call", "counted", "budget" }
    FNR == NR { count[$1] = $2; next }
    /^#/ || NF == 0 || $1 == "build:" { next }
    {
        verdict = !($1 in count) ? "  FAIL: not counted" : count[$1] > $2 ? "  FAIL: over" : ""
        printf "%-24s %8s %8s%s\n", $1, count[$1], $2, verdict
        failed = failed || verdict != ""
        delete count[$1]
    }
    END {
        for (row in count) {
            printf "%-24s %8s %8s  FAIL: no budget\n", row, count[row], ""
            failed = 1
        }
        exit failed
    }
' "$folder/counts" "$budgets"
