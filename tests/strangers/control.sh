#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# What judges must notice: a log that follows links, and one that is not what
# it was.

test_who_follows_links() {
    local output
    if output=$(VISIT=visit-follows TEST='^test_symbolic' \
        "$(dirname "$0")/places.sh" 2>&1); then
        fail "nothing is noticed"
    fi
    contains "$output" 'link in the place of .* it was changed outside'
}

# It works where there are no links.
test_it_works_otherwise() {
    make_fresh
    visit-follows use "$DISK/fresh" "$count" >"$TMP/said"
    contains "$(cat "$TMP/said")" 'cannot read 0$'
}

# wrong VERB COUNT PATTERN: it says so.
wrong() {
    local status=0
    visit "$1" "$DISK/fresh" "$2" >"$TMP/said" || status=$?
    equal "$status" 2 "exit status"
    contains "$(cat "$TMP/said")" "$3"
}

test_other_records() {
    make_fresh
    rm -rf "$DISK/fresh"
    LOG=$DISK/fresh
    mount_log
    seq 0 9 >>"$MNT/append"
    unmount_log
    wrong look 10 'other bytes'
    wrong use 10 'other bytes'
}

test_offsets_that_are_given_again() {
    make_fresh
    wrong use 12 'given again'
}

run_tests
