# SPDX-License-Identifier: BSD-3-Clause
#
# Finds MPI, says which one it is (RSM_MPI_FLAVOUR: openmpi, mpich, other), checks that the launcher
# belongs to it, and gives the launcher the flags that a test on a small machine needs
# (RSM_MPIEXEC_FLAGS). Flags of a site go into MPIEXEC_PREFLAGS, by preset. Knows nothing of our
# targets.

set(MPI_DETERMINE_LIBRARY_VERSION ON)
# C++ bindings would put -Wold-style-cast noise and a needless library on every line.
set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI 3.0 REQUIRED COMPONENTS C)

function(rsm_mpi_flavour out text)
    if(text MATCHES "Open MPI|OpenRTE|PRRTE|prterun")
        set(${out} openmpi PARENT_SCOPE)
    elseif(text MATCHES "MPICH|HYDRA")
        set(${out} mpich PARENT_SCOPE)
    else()
        set(${out} other PARENT_SCOPE)
    endif()
endfunction()

rsm_mpi_flavour(RSM_MPI_FLAVOUR "${MPI_C_LIBRARY_VERSION_STRING}")

execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version
    OUTPUT_VARIABLE launcher_text ERROR_VARIABLE launcher_text RESULT_VARIABLE launcher_rc)
rsm_mpi_flavour(launcher_flavour "${launcher_text}")
# With the launcher of another MPI every rank believes that it is alone, and tests of two ranks
# pass or fail for the wrong reason.
if(NOT RSM_MPI_FLAVOUR STREQUAL "other" AND NOT launcher_flavour STREQUAL "other"
        AND NOT RSM_MPI_FLAVOUR STREQUAL launcher_flavour)
    message(FATAL_ERROR
        "The launcher ${MPIEXEC_EXECUTABLE} belongs to ${launcher_flavour}, but programs are "
        "linked with ${RSM_MPI_FLAVOUR}. Set MPI_C_COMPILER and MPIEXEC_EXECUTABLE to one MPI.")
endif()

set(RSM_MPIEXEC_FLAGS "")
set(RSM_MPIEXEC_ENV "")
if(RSM_MPI_FLAVOUR STREQUAL "openmpi")
    # More ranks than cores is normal in a test; a waiting rank then has to yield.
    set(RSM_MPIEXEC_FLAGS --oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
    # Containers run as root. Set for the tests alone, never for the user's shell.
    set(RSM_MPIEXEC_ENV OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
# MPICH's launcher neither binds nor counts slots by default, and has no objection to root.

string(REGEX MATCH "^[^\n,]*" rsm_mpi_text "${MPI_C_LIBRARY_VERSION_STRING}")
message(STATUS "MPI: ${RSM_MPI_FLAVOUR} (${rsm_mpi_text}), launcher ${MPIEXEC_EXECUTABLE}")
