#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A daemon whose receiving thread does everything by itself (see careless.c):
# what waits for it is noticed.

# too_long SCRIPT TEST
too_long() {
    local output
    if output=$(CLOG=$HELPERS/stalls-careless TEST="^$2\$" \
        "$(dirname "$0")/$1.sh" 2>&1); then
        fail "unnoticed: $1, $2"
    fi
    contains "$output" 'too long'
}

test_frozen() {
    too_long frozen test_an_append
}

test_half_a_line() {
    too_long frozen test_half_a_line
}

test_cold() {
    too_long cold test_reads
}

test_search() {
    too_long search test_a_search
}

# Where nothing waits it is as good as any.
test_it_works_otherwise() {
    CLOG=$HELPERS/stalls-careless
    make_disk 100M
    mount_log
    mkdir "$MNT/cursors/c"
    warm_up
    in_time 1
}

usually frozen search it_works_otherwise
run_tests
