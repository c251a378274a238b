# SPDX-License-Identifier: BSD-3-Clause
#
# One line per test:
#
#   rsm_test(<name> [LABEL unit] [SOURCES a.c …] [DEFINES X=1 …] [ARGS …] [ENV A=b …] [TIMEOUT 60])
#       A program on the core alone, no MPI. Default source: unit/<name>.c.
#
#   rsm_mpi_test(<name> NP <n> [SINGLETON] [TARGET <program>] [SOURCES a.c …] [DEFINES …]
#                [LABEL mpi …] [TIMEOUT 120] [ARGS …] [ENV A=b …])
#       The test <name>.np<n>. The program comes from mpi/<program>.c (<program> is <name> unless
#       TARGET says otherwise) plus SOURCES, or is an existing target such as an example. The first
#       line that names a program builds it; later lines run it with other ranks or arguments.
#       SINGLETON: NP 1, started without the launcher.
#
#   rsm_mpi_script_test(<name> SCRIPT <file> TARGET <program> [LABEL mpi …] [TIMEOUT 120] [ARGS …]
#                       [ENV A=b …])
#       A script that starts the program itself, several times or without the launcher. It is given
#       the program, then the launcher and its flags, all but the number of ranks, then ARGS.
#
#   rsm_quirk_test(<name> NP <n> [TIMEOUT 120] [ARGS …] [ENV A=b …])
#       quirks/<name>.c: MPI alone, none of our code.
#
#   rsm_mpi_program(<program> [INSIDE] [SOURCES …] [DEFINES …])
#       Only the program: mpi/<program>.c. INSIDE: it contains the library's objects and sees src/,
#       for a test that needs a hook in there; all others are linked with the library.
#
# Every test has a TIMEOUT, and 77 means skipped. MPI tests declare two processors, so that a
# machine with two cores runs them one at a time. Programs learn their time limit from T_WATCHDOG
# and speak up before ctest kills them (tests/support/t_mpi.h). Knows targets t_unit and t_mpi, and
# the launcher's variables of RsmMpi.cmake.

function(rsm_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABEL;SOURCES;DEFINES;ARGS;ENV")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "rsm_test(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
    endif()
    if(NOT arg_LABEL)
        set(arg_LABEL unit)
    endif()
    if(NOT arg_SOURCES)
        set(arg_SOURCES unit/${name}.c)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()

    set(target unit_${name})
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/unit)
    target_compile_definitions(${target} PRIVATE ${arg_DEFINES})
    target_link_libraries(${target} PRIVATE rsm_warnings t_unit rsm_core)

    if(RSM_SANITIZE MATCHES "address")
        # Tests ask for more memory than there is; the answer has to be NULL, as it is elsewhere.
        list(APPEND arg_ENV ASAN_OPTIONS=allocator_may_return_null=1)
    endif()
    add_test(NAME ${name} COMMAND ${target} ${arg_ARGS})
    set_tests_properties(${name} PROPERTIES
        LABELS "${arg_LABEL}"
        TIMEOUT ${arg_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT "${arg_ENV}")
endfunction()

function(rsm_mpi_program program)
    cmake_parse_arguments(PARSE_ARGV 1 arg "INSIDE" "" "SOURCES;DEFINES")
    set(target mpi_${program})
    add_executable(${target} mpi/${program}.c ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${program} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/mpi)
    target_compile_definitions(${target} PRIVATE ${arg_DEFINES})
    if(arg_INSIDE)
        target_link_libraries(${target} PRIVATE rsm_warnings t_mpi rsm_core rsm_glue_mpi)
    else()
        # Public symbols only: the library's own visibility keeps MPI tests honest. rsm comes before
        # MPI, because it wraps MPI_Finalize.
        target_link_libraries(${target} PRIVATE rsm_warnings t_mpi rsm::rsm MPI::MPI_C)
    endif()
endfunction()

# The launcher's command line for `np` ranks, without the program.
function(rsm_mpi_launcher out np)
    set(${out} ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${np}
        ${RSM_MPIEXEC_FLAGS} ${MPIEXEC_PREFLAGS} PARENT_SCOPE)
endfunction()

# The target behind a program's name: built from mpi/<program>.c once, or one that exists.
function(rsm_mpi_target out test program)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "SOURCES;DEFINES")
    if(TARGET mpi_${program})
        if(arg_SOURCES OR arg_DEFINES)
            message(FATAL_ERROR
                "${test}: ${program} is built already; its SOURCES and DEFINES belong to the first "
                "line that names it")
        endif()
        set(${out} mpi_${program} PARENT_SCOPE)
    elseif(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/mpi/${program}.c)
        rsm_mpi_program(${program} SOURCES ${arg_SOURCES} DEFINES ${arg_DEFINES})
        set(${out} mpi_${program} PARENT_SCOPE)
    elseif(TARGET ${program})
        set(${out} ${program} PARENT_SCOPE)
    else()
        message(FATAL_ERROR "${test}: there is no mpi/${program}.c, and no target ${program}")
    endif()
endfunction()

# What every test under MPI has.
function(rsm_mpi_properties test labels timeout environment)
    # A tenth of the limit, at least a second, is enough to print where a rank hangs.
    math(EXPR watchdog "${timeout} - 1 - ${timeout} / 10")
    set_tests_properties(${test} PROPERTIES
        LABELS "${labels}"
        TIMEOUT ${timeout}
        PROCESSORS 2
        SKIP_RETURN_CODE 77
        ENVIRONMENT "${RSM_MPIEXEC_ENV};T_WATCHDOG=${watchdog};${environment}")
endfunction()

function(rsm_mpi_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SINGLETON" "NP;TARGET;TIMEOUT"
        "LABEL;SOURCES;DEFINES;ARGS;ENV")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "rsm_mpi_test(${name}): what is ${arg_UNPARSED_ARGUMENTS}?")
    endif()
    if(NOT arg_NP)
        message(FATAL_ERROR "rsm_mpi_test(${name}): NP is missing")
    endif()
    if(arg_SINGLETON AND NOT arg_NP EQUAL 1)
        message(FATAL_ERROR "rsm_mpi_test(${name}): SINGLETON wants NP 1")
    endif()
    if(NOT arg_LABEL)
        set(arg_LABEL mpi)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    if(NOT arg_TARGET)
        set(arg_TARGET ${name})
    endif()

    rsm_mpi_target(target ${name} ${arg_TARGET} SOURCES ${arg_SOURCES} DEFINES ${arg_DEFINES})
    if(arg_SINGLETON)
        set(launcher "")
        set(full_name ${name}.singleton)
    else()
        rsm_mpi_launcher(launcher ${arg_NP})
        set(full_name ${name}.np${arg_NP})
    endif()
    add_test(NAME ${full_name}
        COMMAND ${launcher} $<TARGET_FILE:${target}> ${MPIEXEC_POSTFLAGS} ${arg_ARGS})
    rsm_mpi_properties(${full_name} "${arg_LABEL}" ${arg_TIMEOUT} "${arg_ENV}")
endfunction()

function(rsm_mpi_script_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SCRIPT;TARGET;TIMEOUT"
        "LABEL;SOURCES;DEFINES;ARGS;ENV")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SCRIPT OR NOT arg_TARGET)
        message(FATAL_ERROR "rsm_mpi_script_test(${name}): SCRIPT and TARGET are needed; "
            "not understood: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_LABEL)
        set(arg_LABEL mpi)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()

    rsm_mpi_target(target ${name} ${arg_TARGET} SOURCES ${arg_SOURCES} DEFINES ${arg_DEFINES})
    add_test(NAME ${name}
        COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT} $<TARGET_FILE:${target}>
            ${MPIEXEC_EXECUTABLE} ${RSM_MPIEXEC_FLAGS} ${MPIEXEC_PREFLAGS} ${arg_ARGS})
    rsm_mpi_properties(${name} "${arg_LABEL}" ${arg_TIMEOUT} "${arg_ENV}")
endfunction()

function(rsm_quirk_test name)
    add_executable(quirk_${name} quirks/${name}.c)
    set_target_properties(quirk_${name} PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/quirks)
    target_link_libraries(quirk_${name} PRIVATE rsm_warnings rsm_build MPI::MPI_C)
    rsm_mpi_test(quirk_${name} TARGET quirk_${name} LABEL quirks ${ARGN})
endfunction()
