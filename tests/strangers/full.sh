#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A disk that somebody has filled, before a limit was set and after.

# small_disk SIZE: for the log, in memory.
small_disk() {
    DISK=$TMP/disk
    mkdir "$DISK"
    mount -t tmpfs -o "size=$1" tmpfs "$DISK"
    LOG=$DISK/log
}

# Somebody else takes all there is.
fill_up() {
    dd if=/dev/zero of="$DISK/filler" bs=4K status=none 2>/dev/null || true
    while head -c 1 /dev/zero >>"$DISK/filler2"; do :; done 2>/dev/null
}

# lines COUNT: of 100 bytes each.
lines() {
    seq -f '%099.0f' 1 "$1"
}

# append_all COUNT: in pieces of a kB; how many were taken.
append_all() {
    local n
    for ((n = 0; n < $1; n += 10)); do
        lines 10 >>"$MNT/append" || break
    done 2>"$TMP/error"
    echo "$n"
}

test_bytes_on_a_full_disk() {
    small_disk 4M
    mount_log -o max_store=64K
    append_all 10000 >/dev/null
    fill_up
    remount_log -o max_store=64K,retain_bytes=500K
    wait_for 30 stored_at_most 512000
    (($(status records) > 1000))
    append_all 100 >/dev/null
    equal "$(cat "$MNT/last")" "$(lines 10 | tail -n 1)"
}

# A limit would keep the one large segment until there is as much behind it,
# for which there is no room.
test_bytes_and_one_segment_on_a_full_disk() {
    small_disk 4M
    mount_log
    append_all 20000 >/dev/null
    fill_up
    remount_log -o retain_bytes=500K
    wait_for 30 eval '(($(status segments) == 2))'
    equal "$(append_all 1000)" 1000
    (($(status stored_bytes) <= 512000)) || fail "over the limit"
    equal "$(cat "$MNT/last")" "$(lines 10 | tail -n 1)"
}

stored_at_most() {
    (($(status stored_bytes) <= $1))
}

# The promise to who has not read holds on a full disk too.
test_unread_on_a_full_disk() {
    local records
    small_disk 4M
    mount_log -o max_store=64K,retain_bytes=1M,keep_unread
    mkdir "$MNT/cursors/slow"
    append_all 100000 >/dev/null
    records=$(status records)
    sleep 1.5
    equal "$(status oldest) $(cat "$MNT/cursors/slow/lost")" "0 0"
    equal "$(status records)" "$records"
    echo next >"$MNT/cursors/slow/offset"
    wait_for 30 stored_at_most $((1 << 20))
    equal "$(append_all 1000)" 1000
}

((EUID == 0)) || {
    echo "skipped: only root can make small filesystems"
    exit 77
}
run_tests
