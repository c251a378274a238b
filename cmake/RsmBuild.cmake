# SPDX-License-Identifier: BSD-3-Clause
#
# How everything here is compiled: one interface target for flags (rsm_build), one for warnings
# (rsm_warnings). Knows compilers; must not know MPI or which targets exist.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(rsm_build INTERFACE)
target_link_libraries(rsm_build INTERFACE Threads::Threads)
# RSMI_DEBUG switches assertions and the check of the lock order. Always defined, to 0 or 1, so that
# -Wundef finds a misspelt one.
target_compile_definitions(rsm_build INTERFACE _GNU_SOURCE RSMI_DEBUG=$<CONFIG:Debug>)
if(RSM_SANITIZE)
    target_compile_options(rsm_build INTERFACE
        -fsanitize=${RSM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(rsm_build INTERFACE -fsanitize=${RSM_SANITIZE})
endif()

add_library(rsm_warnings INTERFACE)
target_compile_options(rsm_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wundef
    $<$<COMPILE_LANGUAGE:C>:-Wconversion>
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    # GCC's -Wconversion leaves signs alone in C; Clang's does not.
    $<$<COMPILE_LANG_AND_ID:C,Clang,AppleClang>:-Wno-sign-conversion>
    $<$<BOOL:${RSM_WERROR}>:-Werror>)
