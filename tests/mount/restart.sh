#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_unmount_and_mount() {
    local i rounds=$((10 * repeat))
    : >"$TMP/want"
    for ((i = 0; i < rounds; i++)); do
        mount_log -o max_store=4K
        check_log "$TMP/want" $((i * 100))
        seq -f "round $i, line %.0f" 100 | tee -a "$TMP/want" >>"$MNT/append"
        check_log "$TMP/want" $(((i + 1) * 100))
        unmount_log
    done
}

# Every line that a write has returned for is there; the writer notes it only
# then, so that the log may have one more than the note.
test_kill_and_mount() {
    local i rounds=$((8 * repeat)) before=0 acknowledged
    for ((i = 0; i < rounds; i++)); do
        mount_log -o max_store=4K
        : >"$TMP/noted"
        (
            trap - ERR EXIT
            set +e
            exec 3>>"$MNT/append"
            for ((n = before; ; n++)); do
                echo "line $n" >&3 || break
                echo "$n" >>"$TMP/noted"
            done 2>/dev/null
        ) &
        wait_for 10 awk -v want=$((i * 20 + 30)) \
            'END { exit NR < want }' "$TMP/noted"
        kill_daemon
        wait $! || true
        acknowledged=$((before + $(wc -l <"$TMP/noted")))
        mount_log -o max_store=4K
        before=$(status next)
        ((before == acknowledged || before == acknowledged + 1)) ||
            fail "$before records, $acknowledged acknowledged"
        seq -f 'line %.0f' 0 $((before - 1)) >"$TMP/want"
        check_log "$TMP/want" "$before"
        unmount_log
    done
}

test_kill_while_a_batch_is_written() {
    local i next
    for i in {1..5}; do
        mount_log
        yes 'a line that repeats itself' |
            dd of="$MNT/append" bs=100K conv=notrunc status=none &
        wait_for 10 test -s "$MNT/$segment0/store"
        kill_daemon
        wait $! || true
        mount_log
        next=$(status next)
        yes 'a line that repeats itself' | head -n "$next" >"$TMP/want" || true
        cmp "$MNT/log" "$TMP/want"
        oracle "$MNT/segments" "$next" | cmp - "$TMP/want"
        unmount_log
        rm -rf "$LOG"
    done
}

fill() {
    mount_log -o max_store=4K
    seq -f 'this is line %.0f' 1 1000 | tee "$TMP/want" |
        while read -r line; do echo "$line"; done >>"$MNT/append"
    (($(status segments) > 3)) || fail "no roll"
}

test_deleted_indexes_change_nothing() {
    local before
    fill
    before=$(snapshot)
    unmount_log
    rm -f "$LOG"/segments/*/index
    mount_log -o max_store=4K
    equal "$(snapshot)" "$before" "what is seen"
    check_log "$TMP/want" 1000
    echo more | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 1001
}

test_one_deleted_index_after_a_kill() {
    local before
    fill
    before=$(snapshot)
    kill_daemon
    rm -f "$(ls -d "$LOG"/segments/*/index | tail -n 1)"
    rm -f "$LOG/$segment0/index"
    mount_log -o max_store=4K
    equal "$(snapshot)" "$before" "what is seen"
    check_log "$TMP/want" 1000
}

test_a_wrong_index_is_rebuilt() {
    local before
    fill
    before=$(snapshot)
    unmount_log
    chmod -R u+w "$LOG"
    head -c 160 /dev/urandom >"$LOG/$segment0/index"
    truncate -s 16 "$(ls -d "$LOG"/segments/*/index | tail -n 1)"
    mount_log -o max_store=4K
    equal "$(snapshot)" "$before" "what is seen"
    check_log "$TMP/want" 1000
}

test_a_copy_of_the_segments_is_a_log() {
    local before
    fill
    before=$(snapshot)
    mkdir "$TMP/new"
    cp -r "$MNT/segments" "$TMP/new/segments"
    unmount_log
    LOG=$TMP/new
    mount_log -o max_store=4K
    equal "$(snapshot)" "$before" "what is seen"
    check_log "$TMP/want" 1000
    echo more | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 1001
    remount_log -o max_store=4K
    check_log "$TMP/want" 1001
}

test_a_torn_tail_is_cut_and_kept() {
    mount_log
    seq 1 100 | tee "$TMP/want" >>"$MNT/append"
    wait_for 10 flushed
    kill_daemon
    rm -f "$LOG/writer" "$LOG/durable"
    printf '\0\0\0\0\0\0\0\11half' >>"$LOG/$segment0/store"
    mount_log
    check_log "$TMP/want" 100
    [[ -n $(ls "$LOG/quarantine") ]] || fail "nothing in quarantine"
    seq 101 200 | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 200
    remount_log
    check_log "$TMP/want" 200
}

test_times_survive() {
    local times
    mount_log
    seq 1 50 >>"$MNT/append"
    times=$(stat -c %.Y "$MNT"/records/*)
    remount_log
    equal "$(stat -c %.Y "$MNT"/records/*)" "$times"
    kill_daemon
    mount_log
    equal "$(stat -c %.Y "$MNT"/records/*)" "$times"
}

# Recovery has nothing to mend: the next open after one finds it clean.
test_read_only() {
    local before
    fill
    before=$(snapshot)
    kill_daemon
    find "$LOG" -type f -exec sha256sum {} + | sort >"$TMP/files"
    mount_log -o ro
    equal "$(snapshot)" "$before" "what is seen"
    expect_errno EROFS open "$MNT/append" w
    unmount_log
    find "$LOG" -type f -exec sha256sum {} + | sort | cmp - "$TMP/files"
}

# umount(8) returns when the kernel has let the mount go, and the daemon closes
# its log after that.
test_opening_again_at_once() {
    local verify i
    verify=$(dirname "$CLOG")/clog-verify
    mkdir "$MNT"
    head -c 20000000 /dev/zero | tr '\0' x | fold -w 100 >"$TMP/lines"
    for ((i = 0; i < 10 * repeat; i++)); do
        timeout 100 "$CLOG" "$LOG" "$MNT"
        cat "$TMP/lines" >>"$MNT/append"
        detach "$MNT"
        timeout 100 "$CLOG" "$LOG" "$MNT"
        echo "$i" >>"$MNT/append"
        detach "$MNT"
        timeout 100 "$verify" "$LOG" >"$TMP/verified" 2>&1
    done
}

# hold SECONDS: another process has the log open for so long.
hold() {
    flock "$LOG" sleep "$1" &
    holder=$!
    wait_for 10 eval '! flock --nonblock "$LOG" true'
}

test_waiting_for_another_process() {
    local verify
    verify=$(dirname "$CLOG")/clog-verify
    mount_log
    echo hello >>"$MNT/append"
    unmount_log
    hold 3
    mount_log
    contains "$(cat "$TMP/daemon")" \
        "^clog: $LOG: waiting for process $holder, which has it open\$"
    equal "$(cat "$MNT/log")" hello
    unmount_log
    hold 3
    "$verify" "$LOG" >"$TMP/verified" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" \
        "^clog-verify: $LOG: waiting for process $holder, which has it open\$"
}

# The last writer is not the holder: another pid may be somebody's by now.
test_whose_log_it_is() {
    local verify reader
    verify=$(dirname "$CLOG")/clog-verify
    mount_log
    echo hello >>"$MNT/append"
    remount_log -o ro
    reader=$daemon
    mkdir "$TMP/second"
    fails timeout 100 "$CLOG" -f "$LOG" "$TMP/second" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "^clog: $LOG: in use by process $reader\$"
    fails timeout 100 "$verify" "$LOG" >"$TMP/errors" 2>&1
    contains "$(cat "$TMP/errors")" \
        "^clog-verify: $LOG: in use by process $reader; unmount it first\$"
}

run_tests
