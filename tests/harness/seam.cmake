# SPDX-License-Identifier: BSD-3-Clause
#
# Only mpi_glue/ knows MPI. The compiler guards that where mpi.h is off its default path; this guards
# it where some site put mpi.h on the path of every compiler.

cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE files ${SOURCE_DIR}/src/*.[ch] ${SOURCE_DIR}/src/*.def ${SOURCE_DIR}/include/*.h)
list(FILTER files EXCLUDE REGEX "/include/rsmx\\.h$") # takes a communicator; that is its purpose
list(LENGTH files count)
if(count EQUAL 0)
    message(FATAL_ERROR "no files under ${SOURCE_DIR}/src")
endif()
set(wrong "")
foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]mpi[^>\"]*\\.h[>\"]")
    if(lines)
        list(APPEND wrong "${file}: ${lines}")
    endif()
endforeach()
if(wrong)
    list(JOIN wrong "\n  " text)
    message(FATAL_ERROR "mpi.h is included outside mpi_glue/:\n  ${text}")
endif()
message("${count} files, none includes mpi.h")
