# SPDX-License-Identifier: BSD-3-Clause
#
# The shared library exports rsm_*, rsmx_* and the MPI functions it wraps, and does export them.

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY}
    OUTPUT_VARIABLE output RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${NM} cannot read ${LIBRARY}")
endif()
string(REGEX MATCHALL "[^ \n]+\n" names "${output}")
list(TRANSFORM names STRIP)
# The end of a program (end.c); on Open MPI also what creates communicators (guest.c).
string(JOIN "|" wrapped Finalize
    Comm_dup Comm_dup_with_info Comm_create Comm_split Comm_split_type
    Cart_create Cart_sub Graph_create Dist_graph_create Dist_graph_create_adjacent
    Intercomm_merge Win_create Win_allocate Win_allocate_shared Win_create_dynamic File_open)
set(wrong "")
foreach(name IN LISTS names)
    if(NOT name MATCHES "^(rsm_|rsmx_)" AND NOT name MATCHES "^MPI_(${wrapped})$")
        list(APPEND wrong ${name})
    endif()
endforeach()
if(wrong)
    message(FATAL_ERROR "exported, but internal: ${wrong}")
endif()
foreach(name IN ITEMS rsm_get_controller rsm_memseg_import_putv MPI_Finalize)
    if(NOT name IN_LIST names)
        message(FATAL_ERROR "not exported: ${name}")
    endif()
endforeach()
list(LENGTH names count)
message("${count} names")
