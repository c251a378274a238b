#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Builds the benchmarks where needed and runs each of them with every MPI that has a preset. Knows
# the presets' and the programs' names; must not know how anything is measured.
#
#   benchmarks/run.sh [--mpi openmpi|mpich] [--program putget|vector] [options of the programs]
#
# Results: build/results/<program>-<mpi>.csv and .txt. Exit code: the worst of the runs.
# BENCH_MPIEXEC_FLAGS, if set (even to nothing), takes the place of all launcher flags.

set -u

cd "$(dirname "$0")/.." || exit 1

mpis="openmpi mpich"
programs="putget vector"
while :; do
    case ${1-} in
    --mpi) mpis=${2:?--mpi needs a name} ;;
    --program) programs=${2:?--program needs a name} ;;
    *) break ;;
    esac
    shift 2
done

# A full run ends within six minutes on two busy cores; a hang must not look like a slow machine.
limit=${BENCH_TIMEOUT:-900}
results=build/results
worst=0

if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
mkdir -p "$results" || exit 1

# cached FOLDER NAME: value of a CMake cache entry
cached()
{
    sed -n "s/^$2:[A-Z]*=//p" "$1/CMakeCache.txt"
}

# own_flags MPI: what the tests give the launcher too (cmake/RsmMpi.cmake). Unbound, because a service
# thread bound to the core of a rank that spins would be measured as a slow library.
own_flags()
{
    case $1 in
    openmpi*) echo "--oversubscribe --bind-to none --mca mpi_yield_when_idle 1" ;;
    esac
}

build()
{
    if [ ! -f "build/$1/CMakeCache.txt" ]; then
        cmake --preset "$1" || return 1
    fi
    for program in $programs; do
        cmake --build "build/$1" --target "bench_$program" || return 1
    done
}

# run MPI PROGRAM [options]
run()
{
    mpi=$1
    program=$2
    shift 2
    folder=build/$mpi
    launcher=$(cached "$folder" MPIEXEC_EXECUTABLE)
    number=$(cached "$folder" MPIEXEC_NUMPROC_FLAG)
    flags=${BENCH_MPIEXEC_FLAGS-$(own_flags "$mpi") $(cached "$folder" MPIEXEC_PREFLAGS | tr ';' ' ')}
    type=$(cached "$folder" CMAKE_BUILD_TYPE)
    out=$results/$program-$mpi
    status=$results/.status-$program-$mpi

    case $type in
    Rel*) ;;
    *) echo "$mpi: build type is '${type:-none}'; the library is measured unoptimised" >&2 ;;
    esac
    # A pipe hides the exit code of its first command; plain sh has no other way to keep it.
    {
        echo "# commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
        echo "# build type: ${type:-none}; launcher flags: ${flags:-none}"
        # The flags are words.
        # shellcheck disable=SC2086
        timeout "$limit" "$launcher" ${number:--n} 2 $flags "$folder/benchmarks/bench_$program" \
            "--csv=$out.csv" "$@"
        echo $? >"$status"
    } | tee "$out.txt"
    code=$(cat "$status")
    rm -f "$status"
    return "$code"
}

note()
{
    if [ "$1" -gt "$worst" ]; then
        worst=$1
    fi
}

for mpi in $mpis; do
    if ! build "$mpi" >"$results/build-$mpi.log" 2>&1; then
        echo "$mpi: the build failed, see $results/build-$mpi.log" >&2
        note 1
        continue
    fi
    for program in $programs; do
        echo "== $program, $mpi"
        run "$mpi" "$program" "$@"
        note $?
    done
done

echo "== results"
for mpi in $mpis; do
    for program in $programs; do
        ls "$results/$program-$mpi.txt" "$results/$program-$mpi.csv" 2>/dev/null
    done
done
exit "$worst"
