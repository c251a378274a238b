#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# list.sh [--check]: make docs/conformance.md from what the sources of the suite say about themselves
# (PROVES, PAIR), and from statements.txt and errors.txt. --check: change nothing, and fail if the
# document is another. Fails, too, if a statement has no test, a pair has neither test nor reason, or
# a reason although it has a test, or if include/rsmapi.h documents a code that errors.txt lacks.

set -eu
cd "$(dirname "$0")"
document=../../docs/conformance.md
made=$(mktemp)
trap 'rm -f "$made"' EXIT

awk '
function complain(text) {
    print "list.sh: " text > "/dev/stderr"
    bad = 1
}

# "RSMERR_" is left away everywhere.
function add_pair(name, code) {
    if (!((name, code) in known)) {
        known[name, code] = 1
        if (!(name in codes)) {
            functions[++function_count] = name
        }
        codes[name] = codes[name] " " code
    }
}

# One token of a source: a function begins, a table names a test, a code is expected.
function take(token, file,    name, code, parts, n, i) {
    if (token ~ /^@/) {
        current = substr(token, 2)
        return
    }
    gsub(/[ \n]+/, " ", token)
    if (token ~ /^PAIR/) {
        name = token
        sub(/^PAIR\( ?/, "", name)
        code = name
        sub(/,.*/, "", name)
        sub(/^[^,]*, ?RSMERR_/, "", code)
        sub(/ ?\)$/, "", code)
        if (!((name, code) in known)) {
            complain(file ": " current " expects " code " of " name ", which errors.txt does not list")
        }
        if (index(" " tests[name, code] ",", " `" current "`,") == 0) {
            tests[name, code] = tests[name, code] (tests[name, code] == "" ? "" : ",") " `" current "`"
        }
        return
    }
    sub(/^CONF_TEST\( ?/, "", token)
    name = token
    sub(/,.*/, "", name)
    where = token
    sub(/^[^,]*, ?/, "", where)
    sub(/, ?PROVES.*/, "", where)
    ways = where ~ /EVERYWHERE/ ? "rsl" : where ~ /LOCAL/ ? "sl" : ""
    if (ways == "") {
        ways = (where ~ /REMOTE|LAST/ ? "r" : "") (where ~ /SELF/ ? "s" : "") (where ~ /LOOPBACK/ ? "l" : "")
    }
    registered[name] = 1
    test_count++
    sub(/.*PROVES\(/, "", token)
    n = split(token, parts, /[^0-9]+/)
    for (i = 1; i <= n; i++) {
        if (parts[i] == "") {
            continue
        }
        if (!(parts[i] in statement)) {
            complain(file ": " name " proves statement " parts[i] ", which does not exist")
        }
        proofs[parts[i]] = proofs[parts[i]] (proofs[parts[i]] == "" ? "" : ", ") \
            "`" name "` (" (file == "faults.c" ? "fake glue" : ways) ")"
    }
}

function source_over(    token) {
    pattern = "@[a-z_0-9]+|PAIR\\([a-z_0-9]+,[ \n]*RSMERR_[A-Z_]+\\)|" \
              "CONF_TEST\\([ \n]*[a-z_0-9]+,[ \nA-Z_|]*,[ \n]*PROVES\\([0-9, ]*\\)\\)"
    while (match(text, pattern)) {
        token = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        take(token, source)
    }
    text = ""
    current = ""
}

FNR == 1 {
    if (text != "") {
        source_over()
    }
    source = FILENAME
    sub(/.*\//, "", source)
}

source == "statements.txt" {
    if ($0 !~ /^#/) {
        number = $1
        sub(/^[0-9]+ /, "")
        statement[number] = $0
    }
    next
}

source == "errors.txt" {
    if ($1 == "!") {
        name = $2
        code = $3
        sub(/^! [^ ]+ [^ ]+ /, "")
        if (!((name, code) in known)) {
            complain("errors.txt: a reason for " name " " code ", which is not listed")
        }
        reason[name, code] = $0
    } else if ($0 !~ /^#/) {
        for (i = 2; i <= NF; i++) {
            add_pair($1, $i)
        }
    }
    next
}

# The header: codes of a comment belong to the function behind it.
source == "rsmapi.h" {
    if ($0 ~ /@retval RSMERR_/) {
        code = $0
        sub(/.*@retval RSMERR_/, "", code)
        sub(/[^A-Z_].*/, "", code)
        pending[++pending_count] = code
    }
    if ($0 ~ /^(int|void) rsm_/) {
        name = $0
        sub(/^(int|void) /, "", name)
        sub(/\(.*/, "", name)
        sub(/^rsm_memseg_import_(put|get)(8|16|32|64)?$/, "put_get", name)
        sub(/^rsm_memseg_import_(put|get)v$/, "putv_getv", name)
        declared[name] = 1
        for (i = 1; i <= pending_count; i++) {
            if (!((name, pending[i]) in known)) {
                complain("rsmapi.h documents " pending[i] " of " name ", which errors.txt lacks")
            }
        }
        pending_count = 0
    }
    next
}

{
    line = $0
    if (line ~ /^(static |const )*[a-z_0-9]+ [ *]*[a-z_0-9]+\(/ && line !~ /;$/) {
        name = line
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
        text = text "@" name "\n"
    }
    text = text line "\n"
}

END {
    source_over()
    print "# Conformance"
    print ""
    print "Made by `tests/conformance/list.sh` from the sources of the suite; the test `conformance_list`"
    print "fails when this page is another, when a statement has no test, and when a code has neither a test"
    print "nor a reason. Numbers are those of the checklist, codes those of the header, without `RSMERR_`."
    print ""
    print "Each test is one text for exporter and importers. It runs on the fake glue (`conformance`) and under"
    print "the launcher with 2, 3 and 4 ranks (`conformance.np2` and so on), where each rank exports once and"
    print "all others import from it at the same time. Where: `r` from another node, `s` from the own node of"
    print "`mpi0`, `l` on `loopback`; `fake glue`: needs a transport that fails on demand."
    print ""
    print "## Statements"
    print ""
    print "| No. | Statement | Tests |"
    print "|---:|---|---|"
    for (i = 1; i <= 56; i++) {
        if (!(i in statement)) {
            complain("statements.txt lacks statement " i)
        } else if (proofs[i] == "") {
            complain("statement " i " has no test: " statement[i])
        }
        print "| " i " | " statement[i] " | " proofs[i] " |"
    }
    print ""
    print "## Codes"
    print ""
    print "What each function returns, and the part of the suite that makes it do so. `put_get` stands for"
    print "`put`, `get` and their sized forms, `putv_getv` for both vector calls. Orders of checks are ladders:"
    print "each mistake is made alone, then each two that can be made at once, and the earlier one has to win."
    print ""
    print "| Function | Code | Test, or why there is none |"
    print "|---|---|---|"
    for (f = 1; f <= function_count; f++) {
        name = functions[f]
        if (!(name in declared)) {
            complain("errors.txt: rsmapi.h declares no " name)
        }
        n = split(codes[name], list, " ")
        for (i = 1; i <= n; i++) {
            code = list[i]
            if (tests[name, code] == "" && reason[name, code] == "") {
                complain(name " " code " has neither a test nor a reason")
            }
            if (tests[name, code] != "" && reason[name, code] != "") {
                complain(name " " code " has a reason to have no test, and a test")
            }
            print "| " (i == 1 ? "`" name "`" : "") " | `" code "` |" \
                (tests[name, code] != "" ? tests[name, code] : " " reason[name, code]) " |"
        }
    }
    if (test_count < 56) {
        complain("only " test_count " tests were found")
    }
    exit bad
}
' statements.txt errors.txt ../../include/rsmapi.h ./*.c >"$made"

if [ "${1-}" = --check ]; then
    if ! diff -u "$document" "$made"; then
        echo "list.sh: docs/conformance.md is out of date; run tests/conformance/list.sh" >&2
        exit 1
    fi
else
    cp "$made" "$document"
fi
