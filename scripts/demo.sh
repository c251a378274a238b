#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh [arguments of send_file]: install what is missing, build, and send a real file from rank 1
# to rank 0. Needs git's checkout and root or sudo, nothing else. Leaves logs in build/logs.

# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

step "Install what is missing" scripts/setup.sh build
step "Configure for Open MPI" cmake --preset openmpi
step "Build" cmake --build --preset openmpi --target send_file

if [ "$(id -u)" -eq 0 ]; then
    # Open MPI's launcher refuses root without these; in a container root is normal.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
# Two ranks also where there is one core; a rank that waits then has to yield.
run=(mpirun.openmpi --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -np 2
    build/openmpi/examples/send_file "$@")
echo "Run: ${run[*]}"
rc=0
"${run[@]}" || rc=$?
if [ "$rc" -ne 0 ]; then
    echo "Run: FAILED (exit code $rc)"
    exit "$rc"
fi
echo "Run: ok"
