#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Description: the generator of the manual, on a header of its own.
# Proves: sample.h, which holds all that a comment may, gives the pages in sample/ to the letter; each
# fault put into it is reported with file and line, gives exit code 1 and leaves the pages alone; a
# page of a function that is gone is removed, and nothing else.
#
#   generator.sh PERL mkman.pl rsm_errors.def
#
# After a change that is meant, make sample/ anew with the command in generate().

perl=$1
mkman=$2
errors=$3
here=$(dirname "$0")
temp=$(mktemp -d "${TMPDIR:-/tmp}/generator.XXXXXX") || exit 1
trap 'rm -rf "$temp"' EXIT
failed=0
cases=0

fail() {
    echo "FAIL $*"
    failed=$((failed + 1))
}

# generate FOLDER HEADER…
generate() {
    out=$1
    shift
    "$perl" "$mkman" --date 2001-02-03 --version 1.2.3 --errors "$errors" --out "$out" "$@"
}

# ---- What is right.
mkdir "$temp/good" || exit 1
touch "$temp/good/rsm_gone.3rsm" "$temp/good/other.3"
generate "$temp/good" "$here/sample.h" || fail "sample.h is refused"
[ ! -e "$temp/good/rsm_gone.3rsm" ] || fail "the page of a function that is gone stays"
[ -e "$temp/good/other.3" ] || fail "a file that is no page of ours is gone"
rm -f "$temp/good/other.3"
diff -r "$here/sample" "$temp/good" || fail "sample.h gives other pages (>) than sample/ (<)"

# ---- What is wrong.
# refused LINE [HEADER…]: sample.h, broken or with others, is refused with this line of output, and
# no page is touched.
refused() {
    wanted=$1
    shift
    echo old >"$temp/out/rsm_sample_move.3rsm"
    code=0
    generate "$temp/out" "$temp/sample.h" "$@" >"$temp/log" 2>&1 || code=$?
    [ "$code" -eq 1 ] || fail "exit code $code, expected 1, for: $wanted"
    if ! grep -qxF -e "$wanted" "$temp/log"; then
        fail "not reported: $wanted"
        sed 's/^/    /' "$temp/log"
    fi
    if [ "$(ls "$temp/out")" != rsm_sample_move.3rsm ] ||
        [ "$(cat "$temp/out/rsm_sample_move.3rsm")" != old ]; then
        fail "pages written for: $wanted"
    fi
}

# broken EDIT PLACE WORDS: sample.h after the sed script EDIT is refused with WORDS, and the line is
# the first that matches PLACE.
mkdir "$temp/out" || exit 1
broken() {
    cases=$((cases + 1))
    sed "$1" "$here/sample.h" >"$temp/sample.h"
    if cmp -s "$here/sample.h" "$temp/sample.h"; then
        fail "changes nothing: $1"
        return
    fi
    line=$(grep -n -e "$2" "$temp/sample.h" | head -n 1 | cut -d : -f 1)
    refused "$temp/sample.h:${line:-nowhere}: $3"
}

move="rsm_sample_move"

unreadable='this declaration cannot be read; wanted is one prototype of an rsm_ or rsmx_ function'

broken 's|^/\*\* Tell|/* Tell|' '^const char \*rsm' 'rsm_sample_name has no doc comment'
broken 's|^#endif /. RSM_SAMPLE_H|int rsm_sample_new(void);|' '^int rsm_sample_new' \
    'rsm_sample_new has no doc comment'
broken 's|^int rsm_sample_ask.*||' '^ \* MPI is asked' 'this comment belongs to no function'
broken 's|^#endif /. RSM_SAMPLE_H|int rsm_sample_ask(void);|' \
    '^int rsm_sample_ask(void' 'rsm_sample_ask is declared twice'
broken 's|^void rsm_sample_forget.*|void forget(int sample);|' '^void forget' "$unreadable"
broken 's|^void rsm_sample_forget.*|void rsm_sample_forget(void (*sample)(int));|' \
    '^void rsm_sample_forget' "$unreadable"
broken 's|^int rsm_sample_ask.*|int rsm_sample_ask(rsm_sample_t *);|' '^int rsm_sample_ask' \
    'rsm_sample_ask: parameter without a name: "rsm_sample_t *"'
broken 's|^#endif /. RSM_SAMPLE_H|} // stray|' 'stray' 'this cannot be read'
broken "/^#ifndef RSM_SAMPLE_H/,\$d" 'SPDX' 'no function is declared here'
broken '2s|.*|/* SPDX-License-Identifier: once more|' 'SPDX' \
    'no comment behind the licence tells what the header is'
broken '/^ \* Forget a sample/d' '@param.in. sample  any at all' \
    'rsm_sample_forget: the comment does not begin with a purpose'
broken '/@param\[out\]/,/Read (once)/d' "^int $move" "$move: parameter sample has no @param"
broken 's/\[out\]    sample  /[out]    simple  /' '@param.*simple' "simple is no parameter of $move"
broken 's/\[out\]    sample  /[out]    list    /' '@param.out.*list' 'list has a @param already'
broken 's/@param\[out\]/@param/' '@param  *sample' \
    'not understood; wanted is "@param[in|out|in,out] name  text"'
broken 's/@param\[out\]/@param[inout]/' '@param.inout' \
    'not understood; wanted is "@param[in|out|in,out] name  text"'
broken 's/\(\[in\]  *\)place  \(.*where\)/\1count  \2/
s/\(\[in\]  *\)count  \(.*0 to\)/\1place  \2/' \
    '^ \* Move a sample' "$move: @params in another order than the prototype's"
broken '/^ \* Errors, in/,/^ \* If all else/d' '^ \* Move a sample' \
    "$move: the comment has no errors part"
broken '/^ \* @retval/d; /^ \* wrapped to/d; /indented$/d; /^ \* Then for/,/^ \* If all/d' \
    '^ \* Move a sample' "$move: the errors part names no error"
broken 's/^ \* Errors, in the order.*/ * Errors, as they come:/' '^ \* Errors, as' \
    'not understood; wanted is "Errors, in the order they are tested:" or "Errors: ..."'
broken '/^ \* Errors, in the order/d' '@retval RSMERR_BAD_ADDR' \
    '@retval before the line "Errors, ..."'
broken '/indented$/a\
 *\
 * Errors: none.' '^ \* Errors: none' 'a second errors part'
broken 's/RSMERR_BAD_LENGTH  /RSMERR_BAD_WIDTH   /' 'RSMERR_BAD_WIDTH' \
    "RSMERR_BAD_WIDTH is no result code ($errors)"
broken 's/RSMERR_INTERRUPTED/RSMERR_DISTURBED/' 'RSMERR_DISTURBED' \
    "RSMERR_DISTURBED is no result code ($errors)"
broken 's/RSMERR_BAD_LENGTH  *count.*/RSMERR_BAD_LENGTH/; /indented$/d' 'RSMERR_BAD_LENGTH$' \
    'not understood; wanted is "@retval RSMERR_NAME  text"'
broken 's/@retval RSMERR_BAD_LENGTH/@return RSMERR_BAD_LENGTH/' '@return' \
    'only @param and @retval are understood'
broken '/^ \* Source: rsm_sample_move/,/^ \* Explicit/d' '^ \* Move a sample' \
    "$move: the comment does not end with \"Source: ... Deviation: ... MPI: ...\""
broken 's/^ \* MPI: as rsm.*/ * It is as rsm_sample_move./' '^ \* Source: an extension\.$' \
    'rsm_sample_ask: the comment does not end with "Source: ... Deviation: ... MPI: ..."'
broken 's/ Deviation: none\.$//' '^ \* Source: rsm_sample_forget' \
    'rsm_sample_forget: "Deviation:" is missing'

# Two headers, one function.
cases=$((cases + 1))
cp "$here/sample.h" "$temp/sample.h"
sed '/^#ifndef RSM_SAMPLE_H/,/Second section/d; /^#if !def/,/^#endif/d; /^#ifdef/,/^#endif/d' \
    "$here/sample.h" >"$temp/more.h"
line=$(grep -n '^void rsm_sample_forget' "$temp/more.h" | cut -d : -f 1)
refused "$temp/more.h:$line: rsm_sample_forget is declared twice" "$temp/more.h"

# All faults are told, not the first alone.
sed 's/ Deviation: none\.$//; s/@retval RSMERR_TIMEOUT/@retval RSMERR_TIMOUT/' "$here/sample.h" \
    >"$temp/sample.h"
cases=$((cases + 1))
refused 'mkman.pl: 2 faults, no page written'

[ "$failed" -eq 0 ] || exit 1
echo "$cases faults, each reported"
