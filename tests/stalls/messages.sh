#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Somebody who is to read what the daemon says, and does not.

# mount_unheard: as mount_log, with an error output that is full.
mount_unheard() {
    mkfifo "$TMP/pipe"
    exec 8<>"$TMP/pipe"
    dd if=/dev/zero of="$TMP/pipe" oflag=nonblock bs=4096 status=none \
        2>/dev/null || true
    mkdir -p "$MNT"
    "$CLOG" -f "$@" "$LOG" "$MNT" 2>"$TMP/pipe" 8<&- &
    daemon=$!
    wait_for 30 serves_or_died
}

# Damage that is met is said, record by record.
test_damage() {
    local n
    LOG=$TMP/log
    mount_log -o max_store=64K
    lines 0 3999 >>"$MNT/append"
    mkdir "$MNT/cursors/c"
    unmount_log
    chmod u+w "$LOG/$segment0" "$LOG/$segment0/store"
    for n in {10..60}; do
        printf X | dd of="$LOG/$segment0/store" bs=1 conv=notrunc \
            seek=$((n * 108 + 50)) status=none
    done
    mount_unheard -o max_store=64K
    for n in {10..60}; do
        cat "$MNT/records/$n" &
    done >/dev/null 2>&1
    in_time 2 all append
    exec 8<&-
}

# Lines that cannot be stored are said to be lost.
test_lines_that_are_lost() {
    local n
    mkdir "$TMP/small"
    mount -t tmpfs -o size=1M tmpfs "$TMP/small"
    LOG=$TMP/small/log
    mount_unheard
    mkdir "$MNT/cursors/c"
    lines 0 9 >>"$MNT/append"
    dd if=/dev/zero of="$TMP/small/filler" bs=1K status=none 2>/dev/null || true
    for n in {1..40}; do
        head -c 5000 /dev/zero | tr '\0' x
    done | dd of="$MNT/append" bs=5000 status=none 2>/dev/null || true
    for n in {1..200}; do
        head -c 5000 /dev/zero | tr '\0' x >>"$MNT/append" || true
    done 2>/dev/null &
    in_time 2
    wait $!
    (($(status lines_lost) > 0)) || fail "no line was lost"
    exec 8<&-
    detach "$MNT"
    daemon_ends 6
}

run_tests
