# SPDX-License-Identifier: BSD-3-Clause
#
# Instruction counts of the calls that have to be short, against budgets. What count.sh needs to
# know of this build is one string: the budgets hold for one compiler, processor and optimisation.

add_executable(count count/count.c)
set_target_properties(count PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/count)
target_link_libraries(count PRIVATE rsm_warnings t_unit rsm_core)

string(REGEX MATCH "^[0-9]+" version "${CMAKE_C_COMPILER_VERSION}")
set(count_build "${CMAKE_C_COMPILER_ID} ${version} ${CMAKE_SYSTEM_PROCESSOR} $<CONFIG>")
if(RSM_SANITIZE)
    string(APPEND count_build " ${RSM_SANITIZE}")
endif()

set(count_script ${CMAKE_CURRENT_SOURCE_DIR}/count/count.sh)
set(count_budgets ${CMAKE_CURRENT_SOURCE_DIR}/count/budgets.txt)
add_test(NAME count COMMAND ${count_script} $<TARGET_FILE:count> ${count_budgets} ${count_build})
set_tests_properties(count PROPERTIES LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
