#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# setup.sh [build|test|lint]…: install, with apt-get, what is missing for building (the default), for
# all tests, or for the checks of format and style. Does nothing, and needs no rights, if nothing is
# missing. Knows package names of Debian and Ubuntu; must not build anything.

set -euo pipefail

build=(gcc g++ libc6-dev cmake ninja-build pkg-config libhwloc-dev libopenmpi-dev openmpi-bin)
test=("${build[@]}" mpich libmpich-dev mandoc valgrind)
lint=("${build[@]}" git clang-format clang-tidy cppcheck)

wanted=()
for what in "${@:-build}"; do
    case $what in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    *)
        echo "usage: $0 [build|test|lint]..." >&2
        exit 2
        ;;
    esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: no apt-get here. Install what these Debian packages hold: ${wanted[*]}" >&2
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    case $status in
    *" installed") ;;
    *) missing+=("$package") ;;
    esac
done
if [ "${#missing[@]}" -eq 0 ]; then
    echo "setup.sh: nothing is missing"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup.sh: neither root nor sudo. Missing packages: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "setup.sh: installing ${missing[*]}"
# "env" inside sudo: sudo drops variables of its caller.
apt=(${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
