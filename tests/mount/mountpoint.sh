#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# A variable that is not set, in a script: neither the current directory nor
# anything else is meant.
test_an_empty_argument() {
    mkdir "$TMP/here" "$MNT"
    cd "$TMP/here"
    fails timeout -s KILL 20 "$CLOG" "$LOG" "" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" '^clog: .*MOUNTPOINT is empty'
    fails timeout -s KILL 20 "$CLOG" "" "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" '^clog: .*LOGDIR is empty'
    fails is_mounted "$TMP/here"
    equal "$(ls -A . "$MNT")" $'.:\n\n'"$MNT:"
    [[ ! -e $LOG ]] || fail "a log was made"
}

refused_as_a_log() {
    local output
    fails timeout -s KILL 20 "$CLOG" "$1" "$2" 2>"$TMP/errors"
    output=$(cat "$TMP/errors")
    contains "$output" "^clog: $2: is itself a log"
    contains "$output" 'wrong way round'
    fails is_mounted "$2"
    [[ ! -e $1 || -z $(ls -A "$1") ]] || fail "$1 became a log"
}

# It would hide the log behind an empty one.
test_a_log_is_no_mountpoint() {
    mount_log
    seq 1 10 >>"$MNT/append"
    cp -r "$MNT/segments" "$TMP/segments"
    unmount_log
    mkdir "$TMP/copy"
    mv "$TMP/segments" "$TMP/copy"
    refused_as_a_log "$MNT" "$LOG"
    refused_as_a_log "$MNT" "$TMP/copy"
    cd "$TMP"
    refused_as_a_log verify "$LOG"
    mount_log
    seq 1 10 | cmp - "$MNT/log"
}

# What lies there is not lost, but not to be seen any more either.
test_a_mountpoint_with_files() {
    local name
    mkdir "$MNT"
    echo "while nothing was mounted" >>"$MNT/append"
    mkdir "$MNT/segments"
    mount_log
    echo hello >>"$MNT/append"
    equal "$(cat "$MNT/log")" hello
    contains "$(cat "$TMP/daemon")" \
        "^clog: $MNT: is not empty: the mount hides append, segments\$"
    unmount_log
    equal "$(cat "$MNT/append")" "while nothing was mounted"

    for name in {1..9}; do
        touch "$MNT/$name"
    done
    : >"$TMP/daemon"
    mount_log
    contains "$(cat "$TMP/daemon")" \
        "^clog: $MNT: is not empty: the mount hides .* and 8 more\$"
    remount_log
    unmount_log
    rm -r "${MNT:?}"/*
    : >"$TMP/daemon"
    mount_log
    fails grep 'is not empty' "$TMP/daemon"
}

# Nothing but its own mount goes with the daemon.
test_an_end_below_another_mount() {
    ((EUID == 0)) || return 0
    # What libfuse knows of the mount it frees with the mount alone.
    ASAN_OPTIONS=detect_leaks=0 mount_log
    echo hello >>"$MNT/append"
    mount -t tmpfs tmpfs "$MNT"
    touch "$MNT/mine"
    kill -TERM "$daemon"
    daemon_ends
    [[ -e $MNT/mine ]] || fail "another filesystem was unmounted"
    contains "$(cat "$TMP/daemon")" "^clog: $MNT: something else is mounted over the log"
    umount "$MNT"
    mount_log
    equal "$(cat "$MNT/log")" hello
    equal "$(findmnt -n -o FSTYPE -M "$MNT" | wc -l)" 1
}

# abort_connection: as an operator frees processes that a mount holds up.
abort_connection() {
    local device
    device=$(awk -v at="$MNT" '$5 == at { print $3 }' /proc/self/mountinfo)
    mkdir "$TMP/connections"
    mount -t fusectl fusectl "$TMP/connections"
    echo 1 >"$TMP/connections/${device#*:}/abort"
    umount "$TMP/connections"
}

test_an_aborted_connection() {
    ((EUID == 0)) || return 0
    mount_log
    echo hello >>"$MNT/append"
    exec 3>>"$MNT/append"
    printf unfinished >&3
    abort_connection
    exec 3>&- || true
    daemon_ends 5
    contains "$(cat "$TMP/daemon")" "^clog: $MNT: .*aborted"
    fails is_mounted
    mount_log
    printf 'hello\nunfinished' | cmp - "$MNT/log"
}

run_tests
