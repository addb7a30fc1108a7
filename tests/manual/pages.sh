#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

all=(clog.1 clog-verify.1 clog-format.5 mount.clog.8)

# installed TREE: the pages that meson would install.
installed() {
    rm -rf "$TMP/build"
    meson setup -Dtests=disabled "$TMP/build" "$1" \
        >"$TMP/setup" 2>&1 || {
        cat "$TMP/setup"
        fail "meson setup"
    }
    meson introspect --installed "$TMP/build" | grep -oE 'man[158]/[^"]*' |
        sort -u || true
}

words() {
    grep -oE '[A-Za-z0-9]+' | sort -u
}

test_format_page_leaves_nothing_out() {
    [[ $(wc -c <"$pages/clog-format.5") -gt 10000 ]] || fail "too short"
    awk -f "$SOURCE/fs/format.awk" "$SOURCE/core/FORMAT.md" | words >"$TMP/page"
    sed '1,2d; s/^[0-9]*\. //' "$SOURCE/core/FORMAT.md" | words >"$TMP/source"
    equal "$(grep -vxiFf "$TMP/page" "$TMP/source")" "" "words left out"
    equal "$(grep -c '`[^`]' < <(awk -f "$SOURCE/fs/format.awk" \
        "$SOURCE/core/FORMAT.md"))" 0 "Markdown left in"
}

test_pages_are_right() {
    local page
    for page in "${all[@]}"; do
        equal "$(mandoc -T lint -W error "$pages/$page")" "" "$page"
        mandoc -T ascii "$pages/$page" | col -b >"$TMP/text"
        contains "$(sed -n '/^NAME/,/^$/p' "$TMP/text")" "${page%.*}.* - "
        equal "$(grep -cE '\*[a-z]|[a-z]\*' "$TMP/text")" 0 "marks in $page"
    done
}

see_also() {
    mandoc -T ascii "$pages/$1" | col -b | sed -n '/^SEE ALSO/,$p'
}

test_pages_name_each_other() {
    local page
    for page in "${all[@]:1}"; do
        contains "$(see_also "$page")" '\bclog\(1\)'
        contains "$(see_also clog.1)" "${page%.*}\(${page##*.}\)"
    done
}

# Without scdoc, the build says that there is no manual, or takes a release's.
test_without_scdoc() {
    mkdir "$TMP/bin"
    ln -s /usr/local/bin/* /usr/bin/* "$TMP/bin" 2>/dev/null || true
    rm "$TMP/bin/scdoc"
    PATH=$TMP/bin
    equal "$(installed "$SOURCE")" "" pages
    contains "$(cat "$TMP/setup")" 'manual +: NOT INSTALLED: scdoc is missing'
    contains "$(cat "$TMP/setup")" 'WARNING: .*manual'
    cp -r "$SOURCE/core" "$SOURCE/fs" "$SOURCE/scripts" "$SOURCE"/meson* \
        "$SOURCE/tests" "$TMP"
    for page in "${all[@]}"; do
        cp "$pages/$page" "$TMP/fs"
    done
    equal "$(installed "$TMP" | tr '\n' ' ')" \
        "man1/clog-verify.1 man1/clog.1 man5/clog-format.5 man8/mount.clog.8 \
man8/mount.fuse.clog.8 "
    contains "$(cat "$TMP/setup")" 'manual +: installed as built'
}

run_tests
