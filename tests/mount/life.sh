#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_unmounting_ends_it() {
    mount_log
    echo hello >>"$MNT/append"
    detach "$MNT"
    wait_for 10 gone_or_zombie
    daemon_ends
    [[ -e $LOG/clean ]] || fail "not marked as closed cleanly"
}

gone_or_zombie() {
    [[ ! -d /proc/$daemon || $(cat "/proc/$daemon/stat") == *') Z '* ]]
}

# Bash lets its children ignore SIGINT; the daemon would honour that.
end_by_signal() {
    mkdir -p "$MNT"
    env --default-signal=INT "$CLOG" -f "$LOG" "$MNT" 2>>"$TMP/daemon" &
    daemon=$!
    wait_for 10 serves
    seq 1 100 >>"$MNT/append"
    kill "-$1" "$daemon"
    daemon_ends
    fails is_mounted
    [[ -e $LOG/clean ]] || fail "not marked as closed cleanly"
    mount_log
    seq 1 100 | cmp - "$MNT/log"
    unmount_log
    rm -rf "$LOG"
}

test_signals() {
    end_by_signal TERM
    end_by_signal INT
}

test_a_signal_with_files_open() {
    mount_log
    echo hello >>"$MNT/append"
    exec 3<"$MNT/log" 4>>"$MNT/append"
    printf unfinished >&4
    kill -TERM "$daemon"
    daemon_ends
    exec 3<&- 4>&-
    mount_log
    printf 'hello\nunfinished' | cmp - "$MNT/log"
    equal "$(status next)" 2
}

says_removed() {
    grep -q "removed while" "$TMP/daemon"
}

# Nothing is taken that would be gone with the daemon.
test_a_log_that_is_removed() {
    mount_log
    echo hello >>"$MNT/append"
    rm -rf "$LOG"
    wait_for 1 says_removed
    equal "$(sys write "$MNT/append" w <<<lost || true)" EROFS
    equal "$(status read_only_reason)" its
    grep -q "its files were removed" "$MNT/status"
    detach "$MNT"
    daemon_ends 6
    equal "$(grep -c "removed while" "$TMP/daemon")" 1
}

# A killed daemon leaves a mount that answers nothing; the next one clears it.
test_a_dead_mount_is_cleared() {
    mount_log
    echo hello >>"$MNT/append"
    kill -KILL "$daemon"
    wait "$daemon" || true
    daemon=
    fails ls "$MNT"
    mount_log
    equal "$(cat "$MNT/log")" hello
    equal "$(findmnt -n -o FSTYPE -M "$MNT" | wc -l)" 1
}

test_a_living_mount_is_not_cleared() {
    mount_log
    fails timeout 20 "$CLOG" -f "$TMP/other" "$MNT" 2>"$TMP/errors" &
    wait_for 1 true
    wait $! || true
    serves >/dev/null
    equal "$(findmnt -n -o SOURCE -M "$MNT" | head -n 1)" "$LOG"
}

# A lock that its starter holds would be held for as long as it serves, and a
# reader of its starter's pipe would wait as long.
test_nothing_inherited_is_kept() {
    mkdir "$MNT"
    (
        exec 9>"$TMP/lock"
        flock --nonblock 9
        timeout 20 "$CLOG" "$LOG" "$MNT"
    )
    flock --nonblock "$TMP/lock" true
    detach "$MNT"
}

# The kernel gives a mount the numbers of one that is gone.
test_a_mount_that_gets_the_same_numbers() {
    local i
    ((EUID == 0)) || return 0
    mount_log
    mkdir "$TMP"/other-{1..5}
    kill -STOP "$daemon"
    umount -l "$MNT"
    for i in 1 2 3 4 5; do
        mount -t tmpfs tmpfs "$TMP/other-$i"
    done
    kill -CONT "$daemon"
    daemon_ends
    umount "$TMP"/other-*
    fails grep 'something else' "$TMP/daemon"
}

test_unmounting_while_in_use() {
    mount_log
    exec 3<"$MNT/log"
    fails detach "$MNT"
    serves >/dev/null
    exec 3<&-
}

# A lazy unmount takes the name away and leaves the writer its file.
test_a_lazy_unmount_keeps_an_open_line() {
    mount_log
    exec 3>>"$MNT/append"
    printf 'first\nunfin' >&3
    umount -l "$MNT" || fusermount3 -uz "$MNT"
    fails is_mounted
    printf 'ished\nlast' >&3
    exec 3>&-
    daemon_ends
    mount_log
    printf 'first\nunfinished\nlast' | cmp - "$MNT/log"
    equal "$(status next)" 3
}

test_held_lines_of_many_files() {
    local i fd fds=()
    mount_log
    for i in {10..40}; do
        exec {fd}>>"$MNT/append"
        fds+=("$fd")
        printf 'held by %d' "$i" >&"$fd"
    done
    equal "$(status next)" 0
    kill -TERM "$daemon"
    daemon_ends
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    mount_log
    equal "$(status next)" 31
    for i in {10..40}; do
        equal "$(cat "$MNT"/records/* | grep -o "held by $i")" "held by $i"
    done
}

test_too_many_held_bytes() {
    mount_log -o max_held=100K
    head -c 60000 /dev/zero | tr '\0' x >"$TMP/half"
    exec 3>>"$MNT/append" 4>>"$MNT/append"
    cat "$TMP/half" >&3
    fails cat "$TMP/half" >&4 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "No buffer space available"
    echo >&3
    cat "$TMP/half" >&4
    exec 3>&- 4>&-
    wait_for 5 test -e "$MNT/records/1"
    equal "$(stat -c %s "$MNT/records/0" "$MNT/records/1")" $'60001\n60000'
}

# What a short line costs counts, not its bytes; and a file that holds nothing
# any more costs nothing.
test_too_many_held_lines() {
    local i fds=()
    mount_log -o max_held=100K
    for i in {1..25}; do
        exec {fd}>>"$MNT/append"
        fds+=("$fd")
        printf x >&"$fd"
    done
    exec 3>>"$MNT/append"
    if printf x >&3; then fail "a line too many"; fi 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "No buffer space available"
    equal "$(status held_lines) $(status held_bytes)" "25 25"
    echo y >&"${fds[0]}"
    printf z >&3
    equal "$(status held_lines) $(status held_bytes)" "25 25"
    exec 3>&-
    for fd in "${fds[@]}"; do
        exec {fd}>&-
    done
    wait_for 5 test -e "$MNT/records/25"
    equal "$(status held_lines) $(status held_bytes)" "0 0"
}

run_tests
