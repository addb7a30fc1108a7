#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A daemon that makes the mistakes (see careless.c), and a log that is not
# what it should be: the observers must notice.

# careless HOW: mounts with it.
careless() {
    CLOG=$HELPERS/observers-careless
    export CARELESS=$1
    mount_log "${@:2}"
}

# noticed VIEW FILE PATTERN: somebody says so.
noticed() {
    local tries
    for tries in 1 2 3 4 5; do
        if ! observed 2 "$1" "$2" 2>"$TMP/said" >"$TMP/seen"; then
            contains "$(cat "$TMP/said")" "$3"
            return
        fi
        rmdir "$MNT/cursors/c"
        unmount_log
        rm -rf "$LOG"
        mount_log
    done
    fail "$tries times unnoticed: $(cat "$TMP/seen")"
}

# The daemon serves, and what it makes no mistake of passes.
test_it_works_otherwise() {
    careless none
    observed 1 follow follow
}

test_pages_that_are_kept() {
    careless cache
    noticed stream log 'NUL bytes'
}

test_pages_of_a_segment_that_are_kept() {
    careless cache
    noticed segment store 'NUL bytes'
}

test_attributes_that_are_kept() {
    careless late
    noticed stream log 'bytes, where [0-9]+ were appended'
}

test_texts_without_a_size() {
    careless sizes
    noticed text status 'not a whole text'
}

test_numbers_without_a_size() {
    careless sizes
    noticed number offset 'not a whole text'
}

test_links_without_a_size() {
    careless sizes
    noticed links links 'size 0'
}

# What somebody else appends is in nobody's expectation.
test_a_stranger_in_the_log() {
    local view
    for view in "stream log" "follow follow" "segment store" \
        "records records"; do
        mount_log
        (sleep 0.5 && echo 'no record of theirs' >>"$MNT/append") &
        # shellcheck disable=SC2086 # two words
        noticed $view .
        wait $!
        unmount_log
        rm -rf "$LOG"
    done
}

run_tests
