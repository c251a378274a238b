#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Description: the manual is whole.
# Proves: rsmapi.h declares the 42 functions of the reference's Appendix A and no other; every
# function of both headers has one page with its name, prototype and as many errors as its comment,
# every header one that lists its functions, and there is no further page; cross-references lead to
# pages; the same sources give the same pages.
# Reads the headers on its own, by their layout, so as to doubt the generator.
#
#   pages.sh PAGES INCLUDE GENERATE…      GENERATE: the command that made PAGES, but for its folder

pages=$1
include=$2
shift 2
temp=$(mktemp -d "${TMPDIR:-/tmp}/pages.XXXXXX") || exit 1
trap 'rm -rf "$temp"' EXIT
failed=0

fail() {
    echo "FAIL $*"
    failed=$((failed + 1))
}

# Each name once; for an order that does not depend on the locale, sort has its own.
LC_ALL=C
export LC_ALL

# Appendix A, with the put and get forms that its one line for them stands for (section 11).
sort >"$temp/appendix" <<'END'
rsm_get_controller
rsm_get_controller_attr
rsm_release_controller
rsm_get_interconnect_topology
rsm_free_interconnect_topology
rsm_get_segmentid_range
rsm_memseg_export_create
rsm_memseg_export_destroy
rsm_memseg_export_rebind
rsm_memseg_export_publish
rsm_memseg_export_unpublish
rsm_memseg_export_republish
rsm_memseg_import_connect
rsm_memseg_import_disconnect
rsm_memseg_import_map
rsm_memseg_import_unmap
rsm_memseg_import_put
rsm_memseg_import_put8
rsm_memseg_import_put16
rsm_memseg_import_put32
rsm_memseg_import_put64
rsm_memseg_import_get
rsm_memseg_import_get8
rsm_memseg_import_get16
rsm_memseg_import_get32
rsm_memseg_import_get64
rsm_memseg_import_putv
rsm_memseg_import_getv
rsm_create_localmemory_handle
rsm_free_localmemory_handle
rsm_memseg_import_init_barrier
rsm_memseg_import_open_barrier
rsm_memseg_import_order_barrier
rsm_memseg_import_close_barrier
rsm_memseg_import_destroy_barrier
rsm_memseg_import_get_mode
rsm_memseg_import_set_mode
rsm_intr_signal_post
rsm_intr_signal_wait
rsm_intr_signal_wait_pollfd
rsm_memseg_get_pollfd
rsm_memseg_release_pollfd
END
[ "$(wc -l <"$temp/appendix")" -eq 42 ] || fail "the list above is not of 42 names"

# A line at the margin that names a function and opens its parameters is a prototype.
functions_of() {
    sed -n 's/^\([a-z][a-z0-9_ *]*[ *]\)\{0,1\}\(rsmx\{0,1\}_[a-z0-9_]*\)(.*/\2/p' "$1" | sort
}
for header in rsmapi rsmx; do
    functions_of "$include/$header.h" >"$temp/$header"
    [ -s "$temp/$header" ] || fail "no function found in $header.h"
done
diff "$temp/appendix" "$temp/rsmapi" >"$temp/diff" || {
    cat "$temp/diff"
    fail "rsmapi.h (>) does not declare what Appendix A lists (<)"
}
grep -v '^rsmx_' "$temp/rsmx" && fail "rsmx.h declares functions without its prefix"

{
    cat "$temp/rsmapi" "$temp/rsmx"
    echo rsmapi
    echo rsmx
} | sort >"$temp/wanted"
[ "$(uniq -d "$temp/wanted" | wc -l)" -eq 0 ] || fail "declared twice: $(uniq -d "$temp/wanted")"
for page in "$pages"/*; do
    basename "$page" .3rsm
done | sort >"$temp/found"
diff "$temp/wanted" "$temp/found" >"$temp/diff" || {
    cat "$temp/diff"
    fail "functions and headers (<) are not the pages (>)"
}

# has PAGE LINE: exactly one such line.
has() {
    count=$(grep -cxF -e "$2" "$pages/$1.3rsm" 2>/dev/null)
    [ "$count" = 1 ] || fail "$1.3rsm: ${count:-no} times \"$2\""
}

for header in rsmapi rsmx; do
    has "$header" ".Nm $header"
    while read -r function; do
        upper=$(echo "$function" | tr '[:lower:]' '[:upper:]')
        has "$function" ".Dt $upper 3RSM"
        has "$function" ".Nm $function"
        has "$function" ".In $header.h"
        has "$function" ".Fo $function"
        has "$header" ".It Xr $function 3RSM"
        # The comment right above the prototype, by lines: forget at each beginning of a comment.
        wanted=$(awk -v name="$function" '
            /^\/\*\*/ { n = 0 }
            /^ \* @retval / { n++ }
            index($0, name "(") && /^[a-z]/ { print n; exit }' "$include/$header.h")
        found=$(grep -c '^\.It Bq Er ' "$pages/$function.3rsm")
        [ "$wanted" = "$found" ] || fail "$function.3rsm: $found errors, $wanted in the comment"
    done <"$temp/$header"
done

for page in "$pages"/*.3rsm; do
    # ".Xr name 3RSM", or ".It Xr name 3RSM", with punctuation around.
    grep -oE 'Xr [^.]*' "$page" | while read -r xr; do
        name=$(echo "$xr" | grep -oE '\brsmx?(_[a-z0-9_]+|api)?\b' | head -n 1)
        case $xr in
        *" $name 3RSM"*) [ -f "$pages/$name.3rsm" ] || echo "$page: $xr" ;;
        *) echo "$page: $xr" ;;
        esac
    done
done >"$temp/dangling"
[ ! -s "$temp/dangling" ] || {
    cat "$temp/dangling"
    fail "cross-references that lead nowhere"
}

# Perl walks its tables in another order with another seed.
for seed in 1 2; do
    PERL_HASH_SEED=$seed PERL_PERTURB_KEYS=0 "$@" --out "$temp/again" "$include/rsmapi.h" \
        "$include/rsmx.h" || fail "pages cannot be made again"
    diff -r "$pages" "$temp/again" || fail "other pages from the same sources, with seed $seed"
done

[ "$failed" -eq 0 ] || exit 1
echo "$(wc -l <"$temp/wanted") pages, $(wc -l <"$temp/rsmapi") + $(wc -l <"$temp/rsmx") functions"
