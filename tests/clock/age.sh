#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Limits of age while the clock is wrong: no record grows old faster than the
# machine runs, and none stays young for ever.

# A moment: the clock of a virtual machine that is resumed, a mistake of NTP.
test_ahead_for_a_moment() {
    local step
    with_clock 0
    mount_with_clock "${small[@]}" -o retain_age=30d
    append 1 41
    for step in $((31 * day)) "$year" $((100 * year)); do
        with_clock "$step"
        sleep 1.5
        with_clock 0
        all_there 1 41
        equal "$(status drops_by_age)" 0
    done
    sleep 1
    all_there 1 41
}

# Nor if something is appended in that moment, which has its time.
test_an_append_while_it_is_ahead() {
    with_clock 0
    mount_with_clock "${small[@]}" -o retain_age=30d
    append 1 20
    with_clock $((100 * year))
    append 21 30
    sleep 1
    with_clock 0
    append 31 41
    stays 1 1 41
}

# A clock that was behind is set right: what was appended before looks old.
test_set_forward_for_good() {
    with_clock $((-10 * year))
    mount_with_clock "${small[@]}" -o retain_age=6s
    append 1 41
    with_clock 0
    stays 2 1 41
    append 42 50
    wait_for 30 oldest_at_least 40
}

# A clock that was ahead is set right: what was appended before is in the
# future for years, and grows old all the same.
test_set_back_for_good() {
    local step
    for step in -3600 $((-30 * year)); do
        with_clock 0
        mount_with_clock "${small[@]}" -o retain_age=3s
        append 1 41
        with_clock "$step"
        append 42 49
        wait_for 30 oldest_at_least 49
        append 50 60
        equal "$(cat "$MNT/last")" "record 60"
        wait_for 30 oldest_at_least 60
        unmount_log
        rm -rf "$LOG"
    done
}

# One record from the future, and all that follow have its time, for times
# never decrease: they too go when they are old.
test_one_append_in_the_future() {
    with_clock 0
    mount_with_clock "${small[@]}" -o retain_age=3s
    append 1 8
    with_clock $((50 * year))
    append 9 9
    with_clock 0
    append 10 41
    wait_for 30 oldest_at_least 41
}

# The active segment is sealed when it is old, not when the clock says so.
test_a_segment_is_sealed_by_its_age() {
    with_clock 0
    mount_with_clock -o segment_age=2
    append 1 3
    with_clock $((-1 * day))
    append 4 4
    wait_for 30 test -d "$MNT/segments/00000000000000000004"
    append 5 5
    with_clock $((-20 * year))
    wait_for 30 test -d "$MNT/segments/00000000000000000005"
    all_there 1 5
}

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
