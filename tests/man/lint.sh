#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Description: the manual is clean mdoc.
# Proves: mandoc's lint, or man's with groff behind it, has nothing to say about any page, and each
# page shows its function's name. Exits with 77 where the tool is missing.
#
#   lint.sh mandoc|man PAGES

tool=$1
pages=$2
complained=$(mktemp "${TMPDIR:-/tmp}/lint.XXXXXX") || exit 1
trap 'rm -f "$complained"' EXIT
failed=0
count=0
backspace=$(printf '\b') # bold is a letter, a backspace and the letter

if ! command -v "$tool" >/dev/null; then
    echo "SKIP: no $tool here; scripts/setup.sh test installs mandoc"
    exit 77
fi
if [ "$tool" = man ] && ! man -l "$(dirname "$0")/sample/sample.3rsm" >/dev/null 2>&1; then
    # Not man-db, or without the formatter behind it.
    echo "SKIP: this man formats no file"
    exit 77
fi

for page in "$pages"/*.3rsm; do
    name=$(basename "$page" .3rsm)
    count=$((count + 1))
    if [ "$tool" = mandoc ]; then
        # mandoc knows the sections of some systems by heart, and 3rsm is Sun's. Nothing else passes.
        complaints=$(mandoc -T lint -W warning "$page" 2>&1 |
            grep -v 'WARNING: unknown manual section: Dt \.\.\. 3RSM$')
        shown=$(mandoc -T ascii "$page" | sed "s/.$backspace//g")
    else
        shown=$(MANWIDTH=100 man --warnings -l "$page" 2>"$complained" | sed "s/.$backspace//g")
        complaints=$(cat "$complained")
    fi
    if [ -n "$complaints" ]; then
        echo "FAIL $name: $complaints"
        failed=$((failed + 1))
    fi
    case $shown in
    *NAME*"$name"*SYNOPSIS*"#include <"*DESCRIPTION*) ;;
    *)
        echo "FAIL $name: shown without name, synopsis or description"
        failed=$((failed + 1))
        ;;
    esac
done

if [ "$count" -eq 0 ]; then
    echo "FAIL no page in $pages"
    exit 1
fi
echo "$count pages, $failed complaints"
[ "$failed" -eq 0 ]
