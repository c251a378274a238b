#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Every end of a process: runs ends.c in each way and compares what the launcher returns with what
# it returns for a plain MPI program that ends in the same way. Knows launchers and where MPIs leave
# files; must not know what the library does inside.
#
#   ends.sh PROGRAM LAUNCHER [FLAG …]       the number of ranks is added as -n N
#   ENDS_ONLY=WORD ends.sh …                only rows that contain WORD
#   ENDS_ALL=1 ends.sh …                    three ranks in every way, not only in the telling ones
#
# A row fails if the run takes 60 s, if a line of the library or a complaint of the program is on
# stderr, if the exit code is none that the plain program gives, or if something of ours is left in
# /dev/shm or /tmp, or in the run's own TMPDIR what the plain program does not leave.

program=$1
shift
launcher=("$@")
limit=60
work=$(mktemp -d "${TMPDIR:-/tmp}/ends.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
rows=0
failed=0

# Files and sockets of ours; folders of this name are somebody's build.
ours() {
    find /dev/shm /tmp -maxdepth 1 -name 'rsm*' ! -type d 2>/dev/null | sort
}

# Kinds of what a run left in its own TMPDIR: names without the numbers in them.
kinds() {
    (cd "$1" 2>/dev/null && find . -mindepth 1 | sed 's/[0-9][0-9]*/#/g' | sort -u)
}

# run NAME RANKS ARG…: sets code and seconds; output in $work/NAME.*
run() {
    local name=$1 ranks=$2 begin
    shift 2
    local command=("$program" "$@")
    if [ "$ranks" != single ]; then
        command=("${launcher[@]}" -n "$ranks" "${command[@]}")
    fi
    rm -rf "$work/$name.tmp"
    mkdir "$work/$name.tmp"
    begin=$(date +%s%N)
    # The outer redirection is for the shell, which reports processes that die of a signal.
    { TMPDIR=$work/$name.tmp timeout -k 5 $limit "${command[@]}" \
        >"$work/$name.out" 2>"$work/$name.err" </dev/null; } 2>/dev/null
    code=$?
    seconds=$(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $begin) / 1e9 }")
}

# Codes that the plain program gave so far in this way, in $work/codes.KEY.
plain() {
    local key=$1
    shift
    run plain "$@"
    echo "$code" >>"$work/codes.$key"
    kinds "$work/plain.tmp" >>"$work/kinds.$key"
}

# Has the plain program given $code? What a launcher makes of several codes varies with who ends
# first: before saying no, ask again, with one rank or the other late.
plain_gives() {
    local key=$1 wanted=$code spent=$seconds late
    shift
    for late in none last first last first; do
        grep -qx "$wanted" "$work/codes.$key" && break
        ENDS_LATE=$late plain "$key" "$@"
    done
    code=$wanted
    seconds=$spent
    grep -qx "$code" "$work/codes.$key"
}

# Run the library's program and add to complaint what is wrong.
try() {
    local key=$1 before left
    shift
    complaint=""
    before=$(ours)
    run library "$1" library "${@:3}"
    if [ "$code" = 124 ] || [ "${seconds%.*}" -ge $limit ]; then
        complaint="$complaint hangs;"
    fi
    if grep -q '^rsm:' "$work/library.err"; then
        complaint="$complaint a message: $(grep -m1 '^rsm:' "$work/library.err");"
    fi
    if grep -q '^ends: FAIL' "$work/library.err"; then
        complaint="$complaint $(grep -m1 '^ends: FAIL' "$work/library.err");"
    fi
    left=$(comm -13 <(echo "$before") <(ours))
    if [ -n "$left" ]; then
        complaint="$complaint left behind: $left;"
    fi
    if ! plain_gives "$key" "$@"; then
        complaint="$complaint exit code;"
    fi
    # Open MPI without a launcher starts a helper of its own, which tidies up a little later.
    for _ in $(seq 50); do
        left=$(comm -13 <(sort -u "$work/kinds.$key") <(kinds "$work/library.tmp"))
        [ -n "$left" ] || break
        sleep 0.2
    done
    if [ -n "$left" ]; then
        complaint="$complaint left in TMPDIR: $left;"
    fi
}

row() {
    local ranks=$1 starter=$2 alive=$3 way=$4
    local key="$ranks.$starter.$way" complaint="" remark=""
    case "$ranks $starter $alive $way" in
    *"$ENDS_ONLY"*) ;;
    *) return ;;
    esac
    rows=$((rows + 1))
    [ -e "$work/codes.$key" ] || plain "$key" "$ranks" plain "$starter" "$alive" "$way"
    try "$key" "$ranks" plain "$starter" "$alive" "$way"
    # A rare outcome of the launcher's race is no difference to a plain program, a code that comes
    # back is. A crash gets no second chance.
    if [ "$complaint" = " exit code;" ]; then
        case $code in
        6 | 11 | 134 | 139) ;;
        *)
            remark=" (at first $code)"
            try "$key" "$ranks" plain "$starter" "$alive" "$way"
            ;;
        esac
    fi

    printf '%-6s %-4s %-7s %-22s %4s  %-10s %5s s  %s\n' "$ranks" "$starter" "$alive" "$way" \
        "$code" "$(sort -un "$work/codes.$key" | paste -sd,)" "$seconds" "${complaint:-ok}$remark"
    if [ -n "$complaint" ]; then
        failed=$((failed + 1))
        tail -n 20 "$work/library.err" | sed 's/^/    | /'
    fi
}

printf '%-6s %-4s %-7s %-22s %4s  %-10s %7s\n' ranks MPI alive end code 'plain MPI' time
for starter in app lib; do
    for ranks in 2 3; do
        for alive in none both export import cut; do
            row $ranks $starter $alive finalize
        done
        for alive in both import; do
            row $ranks $starter $alive return0-all
        done
        for way in exit0-one exit3-one kill-one; do
            row $ranks $starter both $way
        done
        if [ $ranks = 2 ] || [ -n "$ENDS_ALL" ]; then
            for way in return4-all exit0-all exit3-all exit3-one-others-wait quit0-all quit5-one \
                abort-one kill-one-others-wait; do
                row $ranks $starter both $way
            done
        fi
    done
    for ranks in 1 single; do
        for way in finalize return0-all return4-all exit0-all exit3-all quit0-all abort-one \
            kill-one; do
            row $ranks $starter both $way
        done
        row $ranks $starter import finalize
    done
done
echo "$rows ways to end, $failed of them wrong"
[ $failed -eq 0 ] && [ $rows -gt 0 ]
