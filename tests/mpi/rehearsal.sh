#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Without a launcher the library tries MPI_Init in a child first (mpi_glue/boot.c). Nothing of that
# may show: text that the program had not written appears once, its exit handler runs once, and what
# it does with SIGCHLD is no matter; whether MPI starts or not. Knows settings that break particular
# MPIs; rehearsal.c checks codes.
#
#   rehearsal.sh PROGRAM LAUNCHER [FLAG …]

program=$1
launcher=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/rehearsal.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# run NAME MODE [VARIABLE=VALUE]
run() {
    local name=$1 mode=$2 complaint="" code texts exits
    rm -f "$work/exits"
    env "${@:3}" RSM_LOG=quiet timeout -k 5 60 "$program" "$mode" "$work/exits" \
        >"$work/out" 2>"$work/err" </dev/null
    code=$?
    # Whoever is left of the trial would write now.
    sleep 0.2
    texts=$(grep -c '^before MPI$' "$work/out")
    exits=$(grep -c '^at exit$' "$work/exits")
    [ $code = 0 ] || complaint="$complaint exit code $code;"
    [ "$texts" = 1 ] || complaint="$complaint the text appears $texts times;"
    [ "$exits" = 1 ] || complaint="$complaint the exit handler ran $exits times;"
    if [ -n "$complaint" ]; then
        failed=$((failed + 1))
        sed 's/^/    > /' "$work/out" "$work/err" | tail -n 30
    fi
    echo "$name: ${complaint:-ok}"
}

run "SIGCHLD ignored" ignored
run "SIGCHLD handled" handled
case $("$launcher" --version 2>&1) in
*"Open MPI"* | *OpenRTE*) break_mpi=OMPI_MCA_pml=nonsense ;;
*) break_mpi=UCX_TLS=nonsense ;; # MPICH's UCX builds fail for this
esac
if env "$break_mpi" timeout -k 5 60 "$program" plain - >/dev/null 2>&1 </dev/null; then
    echo "MPI cannot start: skipped, this MPI starts with $break_mpi"
else
    run "MPI cannot start" refused "$break_mpi"
fi
[ $failed -eq 0 ]
