#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sites where the controller cannot be opened: the code, no abort, and one line on stderr that says
# why; with RSM_LOG=quiet none. Knows settings that break particular MPIs; bad_input.c checks codes.
#
#   bad_site.sh PROGRAM LAUNCHER [FLAG …]       the number of ranks is added as -n N
#
# Exits with 77 only if no case can be made here.

program=$1
shift
launcher=("$@")
err=$(mktemp "${TMPDIR:-/tmp}/bad_site.XXXXXX") || exit 1
trap 'rm -f "$err"' EXIT
cases=0
failed=0

case $("${launcher[0]}" --version 2>&1) in
*"Open MPI"* | *OpenRTE*) mpi=openmpi ;;
*HYDRA* | *MPICH*) mpi=mpich ;;
*) mpi=other ;;
esac

# expect NAME LINES WORDS COMMAND…: exit code 0, so many lines of ours, with these words in them.
expect() {
    local name=$1 wanted=$2 words=$3 complaint="" lines code level
    shift 3
    for level in warn quiet; do
        RSM_LOG=$level timeout -k 5 60 "$@" >/dev/null 2>"$err" </dev/null
        code=$?
        lines=$(grep -c '^rsm:' "$err")
        [ $code = 0 ] || complaint="$complaint exit code $code at $level;"
        [ $level = quiet ] && wanted=0
        [ "$lines" = $wanted ] || complaint="$complaint $lines lines instead of $wanted at $level;"
        if [ $wanted -gt 0 ] && ! grep '^rsm:' "$err" | grep -qE "$words"; then
            complaint="$complaint no word of '$words';"
        fi
        [ $level = warn ] && grep -m1 '^rsm:' "$err" | sed "s/^/    | /"
        if [ -n "$complaint" ]; then
            sed 's/^/    > /' "$err" | tail -n 30
            break
        fi
    done
    cases=$((cases + 1))
    [ -z "$complaint" ] || failed=$((failed + 1))
    echo "$name: ${complaint:-ok}"
}

skip() {
    echo "$1: skipped, $2"
}

mpi_run=("${launcher[@]}" -n)

# MPI does not start. Without a launcher only: under one, MPI_Init itself ends the process.
case $mpi in
openmpi)
    expect "MPI cannot start" 1 'MPI' env OMPI_MCA_pml=nonsense "$program" site
    ;;
mpich)
    # Only MPICH's UCX builds fail for this.
    if UCX_TLS=nonsense timeout -k 5 60 "$program" plain >/dev/null 2>&1 </dev/null; then
        skip "MPI cannot start" "this MPICH starts with any UCX_TLS"
    else
        expect "MPI cannot start" 1 'MPI' env UCX_TLS=nonsense "$program" site
    fi
    ;;
*)
    skip "MPI cannot start" "no setting is known that breaks this MPI"
    ;;
esac

# MPI starts, and makes no windows. One line in the whole job, and it says what to type.
if [ $mpi = openmpi ]; then
    osc='mpirun --mca osc|OMPI_MCA_osc'
    expect "no component, program started MPI" 1 "$osc" \
        "${mpi_run[@]}" 2 --mca osc pt2pt "$program" multiple
    expect "no component, library starts MPI" 1 "$osc" \
        "${mpi_run[@]}" 2 --mca osc pt2pt "$program" site
    expect "no component, three ranks" 1 "$osc" \
        "${mpi_run[@]}" 3 --mca osc pt2pt "$program" multiple
    expect "osc/rdma without shared memory" 1 "$osc" \
        "${mpi_run[@]}" 2 --mca osc rdma --mca btl self,tcp "$program" multiple
else
    skip "no component" "no setting is known in which this MPI makes no windows"
fi

# The program started MPI with less than MPI_THREAD_MULTIPLE.
expect "MPI_THREAD_FUNNELED, two ranks" 1 'MPI_THREAD_MULTIPLE' "${mpi_run[@]}" 2 "$program" funneled
expect "MPI_THREAD_FUNNELED, one rank" 1 'MPI_THREAD_MULTIPLE' "${mpi_run[@]}" 1 "$program" funneled
expect "MPI_THREAD_FUNNELED, no launcher" 1 'MPI_THREAD_MULTIPLE' "$program" funneled

# MPI is over. Each process can speak for itself only.
expect "after MPI_Finalize, two ranks" 2 'finali[sz]ed' "${mpi_run[@]}" 2 "$program" finalized
expect "after MPI_Finalize, no launcher" 1 'finali[sz]ed' "$program" finalized

echo "$cases cases, $failed of them wrong"
[ $cases -gt 0 ] || exit 77
[ $failed -eq 0 ]
