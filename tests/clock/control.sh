#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Where so long has really passed, records are old: what the other tests wait
# for in vain would be seen.

# The time since the machine was started goes along with the clock.
really() {
    export CLOCK_BOOT=1
}

test_an_old_log_is_dropped() {
    with_clock 0
    really
    mount_with_clock "${small[@]}" -o retain_age=30d
    append 1 41
    with_clock $((31 * day))
    wait_for 30 oldest_at_least 40
    (($(status drops_by_age) > 0))
}

test_an_old_segment_is_sealed() {
    with_clock 0
    really
    mount_with_clock -o segment_age=1h
    append 1 3
    sleep 1
    [[ ! -e $MNT/segments/00000000000000000003 ]]
    with_clock 3700
    wait_for 30 test -d "$MNT/segments/00000000000000000003"
}

# A clock that nobody sets is none of ours.
test_the_clock_is_loaded() {
    with_clock $((10 * year))
    mount_with_clock
    append 1 1
    (($(stat -c %Y "$MNT/records/0") > $(date +%s) + 9 * year))
    with_clock 0
    remount_log
}

# Times that do decrease are noticed.
test_times_out_of_order() {
    ! sort -n -c <(printf '%s\n' 1 3 2) 2>/dev/null || fail "unnoticed"
}

run_tests
