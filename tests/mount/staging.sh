#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# A buffer between the doors and the log's files: nothing that is seen through
# the mount shows it, and nothing that was acknowledged is lost.

base=segments/00000000000000000000

staged() {
    mount_log -o staging=1M "$@"
    equal "$(status staging_bytes)" 1048576
}

# holds BYTES: the store in LOGDIR is so large.
holds() {
    [[ $(stat -c %s "$LOG/$base/store") == "$1" ]]
}

# Sixty lines of ten bytes.
sixty() {
    seq -f 'line %4.0f' 1 60
}

test_what_is_staged_is_seen() {
    local file
    staged
    sixty >>"$MNT/append"
    sixty | cmp - "$MNT/log"
    equal "$(cat "$MNT/records/59")" "line   60"
    for file in store index stamps; do
        equal "$(stat -c %s "$MNT/$base/$file")" \
            "$(stat -c %s - <"$MNT/$base/$file")"
    done
    equal "$(stat -c %s "$MNT/$base/store")" $((60 * 18))
    equal "$(wc -c <"$MNT/$base/store")" $((60 * 18))
    equal "$(wc -c <"$MNT/$base/index")" $((60 * 16))
    mkdir "$TMP/copy"
    cp -r "$MNT/segments" "$TMP/copy/"
    wait_for 10 holds $((60 * 18))
    cmp "$MNT/$base/store" "$LOG/$base/store"
    cmp "$MNT/$base/index" "$LOG/$base/index"
    cmp "$MNT/$base/stamps" "$LOG/$base/stamps"
    equal "$(status staged_bytes)" 0
    unmount_log
    LOG=$TMP/copy
    mount_log
    sixty | cmp - "$MNT/log"
}

# At least once it had not been flushed yet.
test_a_killed_daemon() {
    local replayed=0
    for _ in 1 2 3 4 5; do
        staged
        replayed=$((replayed + $(status replayed)))
        sixty >>"$MNT/append"
        kill_daemon
    done
    staged
    ((replayed + $(status replayed) > 0))
    equal "$(status next)" 300
    for _ in 1 2 3 4 5; do
        sixty
    done | cmp - "$MNT/log"
    unmount_log
    "$BUILD/fs/clog-verify" "$LOG" >"$TMP/verified"
}

# Without a wait for the flush: a kill while records are being appended.
test_killed_while_it_writes() {
    local last=0
    for _ in 1 2 3; do
        staged
        (
            trap - ERR EXIT
            set +e
            exec 3>>"$MNT/append"
            while echo "$last" >&3; do
                last=$((last + 1))
                echo "$last" >"$TMP/acknowledged"
            done 2>/dev/null
        ) &
        sleep 0.3
        kill_daemon
        wait $! || true
        last=$(<"$TMP/acknowledged")
        staged
        (($(status next) >= last))
        last=$(status next)
        unmount_log
    done
    staged
    seq 0 $((last - 1)) | cmp - "$MNT/log"
}

test_synced_at_once() {
    staged -o sync=always
    sixty >>"$MNT/append"
    equal "$(status durable)" 60
    equal "$(status staged_bytes)" 0
    holds $((60 * 18))
}

test_more_than_it_holds() {
    staged -o max_store=4M
    seq -f '%099.0f' 1 100000 >>"$MNT/append"
    seq -f '%099.0f' 1 100000 | cmp - "$MNT/log"
    head -c 1000000 /dev/zero | tr '\0' x >>"$MNT/append"
    seq 1 10 >>"$MNT/append"
    unmount_log
    mount_log
    equal "$(status next)" 100011
    equal "$(cat "$MNT/last")" 10
    unmount_log
    "$BUILD/fs/clog-verify" "$LOG" >"$TMP/verified"
}

# Only root can make a small disk.
if ((EUID == 0)); then

test_no_room_for_it() {
    mkdir "$TMP/disk"
    mount -t tmpfs -o size=2M none "$TMP/disk"
    LOG=$TMP/disk/log
    mount_log -o staging=4M
    equal "$(status staging_bytes)" 0
    grep -qx "staging_reason No space left on device" "$MNT/status"
    sixty >>"$MNT/append"
    holds $((60 * 18))
    unmount_log
    umount "$TMP/disk"
}

fi

test_sizes() {
    local size
    for size in 1K 100000 3M 128M; do
        fails "$CLOG" -o "staging=$size" "$LOG" "$MNT" 2>"$TMP/error"
        grep -q staging "$TMP/error"
    done
}

run_tests
