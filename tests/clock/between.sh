#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# The clock is another one when the log is mounted again.

# again SECONDS [OPTION...]: mounts anew with that clock.
again() {
    unmount_log
    with_clock "$1"
    mount_log "${@:2}"
}

# killed SECONDS [OPTION...]: likewise, after the daemon was killed.
killed() {
    kill_daemon
    with_clock "$1"
    mount_log "${@:2}"
}

# A board whose clock is not set yet when the log is mounted.
test_mounted_before_the_clock_is_set() {
    with_clock 0
    mount_with_clock "${small[@]}"
    append 1 41
    again $((-30 * year)) "${small[@]}" -o retain_age=30d
    append 42 42
    with_clock 0
    stays 2 1 42
    again 0 "${small[@]}" -o retain_age=30d
    stays 1 1 42
}

# A clock that is ahead when the log is mounted, and is set right then.
test_mounted_while_it_is_ahead() {
    with_clock 0
    mount_with_clock "${small[@]}"
    append 1 41
    again $((100 * year)) "${small[@]}" -o retain_age=30d
    sleep 1.5
    with_clock 0
    stays 1 1 41
    killed $((40 * day)) "${small[@]}" -o retain_age=30d
    sleep 1.5
    with_clock 0
    stays 1 1 41
}

# What was appended while the clock was ahead is no reason to keep all that
# follows until then.
test_the_future_stays_behind() {
    with_clock $((50 * year))
    mount_with_clock "${small[@]}"
    append 1 8
    again 0 "${small[@]}" -o retain_age=3s
    append 9 41
    wait_for 30 oldest_at_least 40
    again 0 "${small[@]}" -o retain_age=3s
    append 42 60
    wait_for 30 oldest_at_least 59
}

# Nothing is wrong with such a log.
test_a_log_of_several_clocks() {
    local step n=0
    with_clock 0
    mount_with_clock "${small[@]}"
    for step in 1 -1 "$day" $((-1 * day)) $((60 * year)) $((-50 * year)); do
        append $((n + 1)) $((n + 7))
        n=$((n + 7))
        again "$step" "${small[@]}"
        append $((n + 1)) $((n + 7))
        n=$((n + 7))
        killed "$step" "${small[@]}"
        all_there 1 "$n"
    done
    seq -f 'record %.0f' 1 "$n" >"$TMP/want"
    check_log "$TMP/want" "$n"
    unmount_log
    "$BUILD/fs/clog-verify" "$LOG" >"$TMP/verified"
}

run_tests
