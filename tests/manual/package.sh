#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# What the packages are made of agrees with the tree.

changelog=$SOURCE/scripts/debian/changelog

test_changelog_has_this_version() {
    equal "$(sed -nE '1s/^clog \((.*)-[0-9]+\) .*/\1/p' "$changelog")" \
        "$("$CLOG" --version | sed -n 's/^clog //p')"
}

# A function of clog.h that is not in the file of symbols has no version that
# a package could ask for.
test_symbols_are_those_of_the_header() {
    local declared
    declared=$(sed 's|/\*.*||; /^ \*/d' "$SOURCE/core/clog.h" |
        grep -oE '\bclog_[a-z_]+\(' | tr -d '(' | sort -u)
    equal "$(grep -oE '^ clog_[a-z_]+' "$SOURCE/scripts/debian/libclog0.symbols" |
        tr -d ' ' | sort)" "$declared" symbols
}

run_tests
