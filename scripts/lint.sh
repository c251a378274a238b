#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# lint.sh: format of every C and C++ file, clang-tidy and cppcheck over the library. Runs all three,
# and exits with 1 if one complained. scripts/setup.sh lint installs the tools.

# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

for tool in clang-format clang-tidy cppcheck cmake git; do
    if ! command -v "$tool" >/dev/null; then
        echo "lint.sh: $tool is missing; scripts/setup.sh lint installs it" >&2
        exit 1
    fi
done

step "Configure openmpi" cmake --preset openmpi

bad=()

# "safe.directory": in a container the tree may belong to another user, and git would refuse.
list_sources() {
    git -c safe.directory="$root" ls-files -co --exclude-standard -z -- '*.c' '*.h' '*.cpp' |
        while IFS= read -r -d '' file; do
            # Still listed, but deleted and not committed.
            if [ -f "$file" ]; then
                printf '%s\0' "$file"
            fi
        done
}

echo "clang-format:"
# Into an array first: an empty list, or a git that failed, must not look like a success.
mapfile -d '' -t sources < <(list_sources)
if [ "${#sources[@]}" -eq 0 ]; then
    echo "lint.sh: git lists no source" >&2
    bad+=(clang-format)
elif ! clang-format --dry-run -Werror "${sources[@]}"; then
    bad+=(clang-format)
fi

echo "clang-tidy:"
if ! find src mpi_glue -name '*.c' -print0 | sort -z |
    xargs -0 -n 1 -P 2 clang-tidy --quiet -p build/openmpi \
        2> >(grep -v ' warnings* generated\.$' >&2); then
    bad+=(clang-tidy)
fi

echo "cppcheck:"
# Both settings of RSMI_DEBUG are read, because it is not given. Style opinions are left to
# clang-tidy.
if ! cppcheck --quiet -j 2 --std=c11 --error-exitcode=1 --inline-suppr \
    --enable=warning,performance,portability \
    --suppress=missingIncludeSystem \
    -D_GNU_SOURCE -I include -I src -I mpi_glue \
    src mpi_glue tests/support tests/harness; then
    bad+=(cppcheck)
fi

if [ "${#bad[@]}" -ne 0 ]; then
    echo "lint: FAILED: ${bad[*]}"
    exit 1
fi
echo "lint: ${#sources[@]} files, no complaint"
