#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Limits of age while the clock is wrong: no record grows old faster than the
# machine runs, and none stays young for ever.

durable() {
    (($(status durable) == $(status next)))
}

# What else happens by time goes on as before.
test_what_is_timed() {
    local step
    with_clock 0
    mount_with_clock -o sync=1
    for step in "$day" $((-1 * day)) $((30 * year)) $((-30 * year)); do
        with_clock "$step"
        append 1 10
        wait_for 30 durable
    done
}

# follow waits for records, not for a time.
test_followers() {
    local step follower
    with_clock 0
    mount_with_clock
    timeout 60 head -n 5 "$MNT/follow" >"$TMP/followed" &
    follower=$!
    wait_for 20 waits_for_a_record
    append 1 1
    for step in "$day" $((-1 * day)) $((30 * year)) $((-30 * year)); do
        with_clock "$step"
        echo "by $step" >>"$MNT/append"
    done
    wait "$follower"
    cmp "$TMP/followed" "$MNT/log"
}

waits_for_a_record() {
    (($(status following) > 0))
}

run_tests
