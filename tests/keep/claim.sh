#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

test_the_next_offset() {
    mount_log
    printf zero | sys write "$MNT/records/0" w,creat,excl
    equal "$(cat "$MNT/records/0")" zero
    printf one | sys write "$MNT/records/1" w,creat
    equal "$(cat "$MNT/records/1")" one
    expect_errno EEXIST open "$MNT/records/1" w,creat,excl
    expect_errno EACCES open "$MNT/records/1" w,creat
    expect_errno EPERM open "$MNT/records/3" w,creat,excl
    expect_errno EPERM open "$MNT/records/02" w,creat,excl
    expect_errno EPERM open "$MNT/records/new" w,creat,excl
    expect_errno EACCES open "$MNT/records/2" rw,creat,excl
    expect_errno EPERM mknod "$MNT/records/2"
    equal "$(status next)" 2
}

# Until its first write there is nothing, for nobody.
test_without_a_write_nothing_happens() {
    mount_log
    append 1 2
    exec 3>"$MNT/records/2"
    [[ ! -e $MNT/records/2 ]] || fail "it can be seen"
    equal "$(ls "$MNT/records" | tr '\n' ' ')" "0 1 "
    expect_errno ENOENT open "$MNT/records/2" r
    # Others may try as well.
    equal "$(sys open "$MNT/records/2" w,creat,excl)" 0
    exec 3>&-
    [[ ! -e $MNT/records/2 ]] || fail "it came with the close"
    equal "$(status next)" 2
    append 3 3
    equal "$(cat "$MNT/records/2")" "record 3"
    equal "$(status next) $(status held_bytes)" "3 0"
}

test_a_killed_writer_leaves_nothing() {
    mount_log
    python3 -c 'import os, signal, sys
os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.kill(os.getpid(), signal.SIGKILL)' "$MNT/records/0" || true
    equal "$(status next)" 0
    printf zero | sys write "$MNT/records/0" w,creat,excl
    equal "$(cat "$MNT/records/0")" zero
}

# Both have it open; the second write is the one that fails.
test_the_loser_is_told_by_its_write() {
    mount_log
    exec 3>"$MNT/records/0" 4>"$MNT/records/0" 5>"$MNT/records/0"
    echo winner >&4
    if echo loser >&3; then fail "both won"; fi 2>"$TMP/error"
    contains "$(cat "$TMP/error")" 'File exists'
    append 2 2
    if echo later >&5; then fail "all won"; fi 2>"$TMP/error"
    contains "$(cat "$TMP/error")" 'File exists'
    if echo more >&4; then fail "a second write"; fi 2>"$TMP/error"
    contains "$(cat "$TMP/error")" 'Message too long'
    exec 3>&- 4>&- 5>&-
    equal "$(cat "$MNT/log")" $'winner\nrecord 2'
}

test_shells() {
    local shell
    mount_log
    for shell in bash dash; do
        local next
        next=$(status next)
        (cd "$MNT" && "$shell" -c "set -C; echo $shell >records/$next")
        equal "$(cat "$MNT/records/$next")" "$shell"
        fails "$shell" -c "set -C; echo no >'$MNT/records/$next'" 2>/dev/null
        fails "$shell" -c "set -C; echo no >'$MNT/records/9'" 2>/dev/null
        equal "$(status next)" "$((next + 1))"
    done
}

test_copying() {
    mount_log
    head -c 1044480 /dev/urandom >"$TMP/largest"
    cp "$TMP/largest" "$MNT/records/0"
    cmp "$TMP/largest" "$MNT/records/0"
    equal "$(status records)" 1
    printf x >>"$TMP/largest"
    fails cp "$TMP/largest" "$MNT/records/1" 2>"$TMP/error"
    contains "$(cat "$TMP/error")" 'Message too long'
    head -c 5000000 /dev/urandom >"$TMP/larger"
    fails cp "$TMP/larger" "$MNT/records/1" 2>/dev/null
    equal "$(status next)" 1
    printf 'two\nlines, no end' >"$TMP/small"
    cp "$TMP/small" "$MNT/records/1"
    cmp "$TMP/small" "$MNT/records/1"
    fails cp --update=none "$TMP/small" "$MNT/records/0" 2>/dev/null
    fails cp -f "$TMP/small" "$MNT/records/0" 2>/dev/null
    equal "$(status next)" 2
}

test_durable_ones() {
    mount_log -o sync=always
    printf zero | sys write "$MNT/records/0" w,creat,excl
    equal "$(status durable)" 1
    remount_log -o sync=0
    printf one | sys write "$MNT/records/1" w,creat,excl,dsync
    equal "$(status durable)" 2
    expect_errno EEXIST write "$MNT/records/1" w,creat,excl,dsync
}

# won N: exactly one winner for each of N offsets, and each record is its own.
won() {
    sort -n "$TMP/won" >"$TMP/sorted"
    cut -d' ' -f1 "$TMP/sorted" | cmp - <(seq 0 "$(($1 - 1))")
    equal "$(status next)" "$1"
}

test_eight_race_for_a_thousand() {
    local count=$((1000 * repeat))
    mount_log -o max_store=4K
    race "$MNT/records" 8 "$count" >"$TMP/won"
    won "$count"
    records 0 "$count" >"$TMP/records"
    awk '{ printf "%s %s", $2, $1 }' "$TMP/sorted" | cmp - "$TMP/records"
    oracle "$MNT/segments" "$count" | cmp - "$TMP/records"
}

# race_in SHELL OFFSETS: by exit status of the redirection.
race_in() {
    local process racers=()
    for process in {1..8}; do
        (cd "$MNT" && "$1" -c 'set -C; i=0; while [ $i -lt '"$2"' ]; do
            if (echo "$i '"$process"'" >records/$i) 2>/dev/null; then
                echo "$i '"$process"'"; fi
            i=$((i + 1)); done') >>"$TMP/won" &
        racers+=("$!")
    done
    wait "${racers[@]}"
}

test_shells_race() {
    local shell
    for shell in bash dash; do
        local count=$((100 * repeat))
        mount_log
        : >"$TMP/won"
        race_in "$shell" "$count"
        won "$count"
        cmp "$TMP/sorted" "$MNT/log"
        unmount_log
        rm -rf "$LOG"
    done
}

run_tests
