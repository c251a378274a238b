# SPDX-License-Identifier: BSD-3-Clause
#
# Proves that failures are seen: each line runs a program that misbehaves in one way and checks exit
# code *and* message. WILL_FAIL would not do: under a launcher a crash, a wrong path and a failed
# expectation are all just "not zero".

set(expect_run ${CMAKE_CURRENT_SOURCE_DIR}/harness/expect_run.cmake)

# rsm_harness_test(<name> CODE <n|crash> [MATCH <regex> …] [NO_MATCH <regex> …] COMMAND …)
function(rsm_harness_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "MPI" "CODE" "MATCH;NO_MATCH;COMMAND")
    set(wanted code ${arg_CODE})
    foreach(regex IN LISTS arg_MATCH)
        list(APPEND wanted match ${regex})
    endforeach()
    foreach(regex IN LISTS arg_NO_MATCH)
        list(APPEND wanted no_match ${regex})
    endforeach()
    add_test(NAME harness_${name}
        COMMAND ${CMAKE_COMMAND} -P ${expect_run} -- ${wanted} run ${arg_COMMAND})
    set_tests_properties(harness_${name} PROPERTIES LABELS harness TIMEOUT 60)
    if(arg_MPI)
        set_tests_properties(harness_${name} PROPERTIES
            PROCESSORS 2 ENVIRONMENT "${RSM_MPIEXEC_ENV};T_WATCHDOG=40")
    endif()
endfunction()

# The checker itself: a wrong code and a missing message have to be noticed.
rsm_harness_test(checker_code CODE 1 MATCH "exit code 0, expected 3"
    COMMAND ${CMAKE_COMMAND} -P ${expect_run} -- code 3 run ${CMAKE_COMMAND} -E true)
rsm_harness_test(checker_match CODE 1 MATCH "output does not match"
    COMMAND ${CMAKE_COMMAND} -P ${expect_run} -- code 0 match absent
    run ${CMAKE_COMMAND} -E echo present)
rsm_harness_test(checker_no_match CODE 1 MATCH "output must not match"
    COMMAND ${CMAKE_COMMAND} -P ${expect_run} -- code 0 no_match present
    run ${CMAKE_COMMAND} -E echo present)

# ---- One process.
add_executable(harness_unit harness/harness_unit.c)
target_link_libraries(harness_unit PRIVATE rsm_warnings t_unit)
set(unit $<TARGET_FILE:harness_unit>)

rsm_harness_test(pass CODE 0 MATCH "[1-9][0-9]* checks, 0 failed" NO_MATCH FAIL COMMAND ${unit} pass)
rsm_harness_test(fail CODE 1
    MATCH "FAIL [^\n]*harness_unit.c:[0-9]+: one == two: 1 and 2" "went on" "3 failed"
    COMMAND ${unit} fail)
rsm_harness_test(require CODE 1
    MATCH "FAIL [^\n]*harness_unit.c:[0-9]+: never" NO_MATCH "went on" COMMAND ${unit} require)
rsm_harness_test(code CODE 1
    MATCH "refuse\\(\\) gave RSMERR_BAD_ADDR \\(16\\), expected RSM_SUCCESS \\(0\\)"
    COMMAND ${unit} code)
rsm_harness_test(kinds CODE 1
    MATCH "-1 and 4294967295" "\"a\" and \"b\"" "1 of 8 bytes differ, first at 5: 00 and 07"
          "NULL != nothing" "a reason: 7" "in: the note" "6 failed"
    COMMAND ${unit} kinds)
rsm_harness_test(skip CODE 77 MATCH "SKIP: not here" COMMAND ${unit} skip)
rsm_harness_test(skip_after_failure CODE 1 MATCH "FAIL" COMMAND ${unit} skip_after_failure)
rsm_harness_test(nothing_checked CODE 1 MATCH "nothing was checked" COMMAND ${unit} nothing)
rsm_harness_test(watchdog CODE 124
    MATCH "FAIL watchdog after 1 s in: a sleep that is too long" COMMAND ${unit} hang)
rsm_harness_test(threads CODE 1 MATCH "40004 checks, 400 failed" COMMAND ${unit} threads)
rsm_harness_test(seed CODE 0 MATCH "--seed 12345" COMMAND ${unit} seed --seed 12345)
rsm_harness_test(bad_number CODE 1 MATCH "--seed wants a number" COMMAND ${unit} seed --seed x)

# ---- Instruction counts (count/count.sh): a row over its budget, one without, one that is gone.
find_program(valgrind valgrind)
mark_as_advanced(valgrind)
if(valgrind AND NOT RSM_SANITIZE)
    set(budgets ${CMAKE_CURRENT_BINARY_DIR}/count/too_small.txt)
    file(WRITE ${budgets} "build: this\nput_8 1\nget_8 100000\ngone 1\n")
    rsm_harness_test(count CODE 1
        MATCH "put_8 +[0-9]+ +1  FAIL: over" "gone .*FAIL: not counted"
              "putv_16x64 +[0-9]+ .*FAIL: no budget"
        NO_MATCH "get_8 [^\n]*FAIL"
        COMMAND ${count_script} $<TARGET_FILE:count> ${budgets} this)
    # The budgets of another build say nothing.
    rsm_harness_test(count_skip CODE 77 MATCH "SKIP: the budgets hold for 'this', this is 'that'"
        COMMAND ${count_script} $<TARGET_FILE:count> ${budgets} that)
endif()

# ---- Two ranks.
if(RSM_WITH_MPI)
    add_executable(harness_mpi harness/harness_mpi.c)
    target_link_libraries(harness_mpi PRIVATE rsm_warnings t_mpi MPI::MPI_C)
    rsm_mpi_launcher(launcher 2)
    set(mpi ${launcher} $<TARGET_FILE:harness_mpi>)

    rsm_harness_test(mpi_pass MPI CODE 0
        MATCH "rank 0: [1-9][0-9]* checks, 0 failed" "rank 1: [1-9][0-9]* checks, 0 failed"
        NO_MATCH FAIL
        COMMAND ${mpi} pass)
    rsm_harness_test(mpi_fail_on_rank_1 MPI CODE 1
        MATCH "rank 1: FAIL [^\n]*harness_mpi.c:[0-9]+: rank == 0: 1 and 0"
              "rank 0: another rank failed"
        NO_MATCH "rank 0: FAIL"
        COMMAND ${mpi} fail)
    # Rank 0 waits in a barrier that rank 1 never reaches.
    rsm_harness_test(mpi_require_on_rank_1 MPI CODE 1
        MATCH "rank 1: FAIL [^\n]*harness_mpi.c:[0-9]+: rank == 0" NO_MATCH watchdog "went on"
        COMMAND ${mpi} require)
    rsm_harness_test(mpi_crash_on_rank_1 MPI CODE crash
        MATCH "rank 1: about to abort" "[Aa]bort|ABORT|signal 6|BAD TERMINATION"
        NO_MATCH watchdog
        COMMAND ${mpi} crash)
    rsm_harness_test(mpi_exit_on_rank_1 MPI CODE crash MATCH "rank 1: about to exit"
        COMMAND ${mpi} exit)
    rsm_harness_test(mpi_skip MPI CODE 77 MATCH "rank [01]: SKIP: not here" COMMAND ${mpi} skip)
    rsm_harness_test(mpi_skip_on_rank_1 MPI CODE 77
        MATCH "rank 1: SKIP: not here" COMMAND ${mpi} skip_one)
    # A launcher that combines exit codes bit by bit would make a skip of this.
    rsm_harness_test(mpi_fail_and_skip MPI CODE 1
        MATCH "rank 0: FAIL" "rank 1: SKIP" COMMAND ${mpi} fail_and_skip)
    rsm_harness_test(mpi_watchdog MPI CODE crash
        MATCH "rank 1: FAIL watchdog after 2 s in: a sleep that is too long" COMMAND ${mpi} hang)
    rsm_harness_test(mpi_two_ranks MPI CODE 0 MATCH "rank 1: of 2" COMMAND ${mpi} size)
    rsm_harness_test(mpi_seed MPI CODE 0 MATCH "--seed [0-9]+" COMMAND ${mpi} seed)
endif()
