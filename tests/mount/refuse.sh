#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# A log of three records, mounted.
prepare() {
    mount_log
    printf 'one\ntwo\nthree\n' >>"$MNT/append"
    before=$(snapshot)
}

nothing_changed() {
    equal "$(snapshot)" "$before" "what is seen"
}

test_reading_a_door() {
    prepare
    for door in append put; do
        expect_errno EACCES open "$MNT/$door" r
        expect_errno EACCES open "$MNT/$door" rw
        fails cat "$MNT/$door"
        equal "$(stat -c '%A %s' "$MNT/$door")" '--w------- 0'
    done
    nothing_changed
}

test_writing_a_view() {
    local view
    prepare
    for view in log records/0 status metrics.prom $segment0/store \
        $segment0/index $segment0/stamps; do
        expect_errno EACCES open "$MNT/$view" w
        expect_errno EACCES open "$MNT/$view" rw
        expect_errno EACCES open "$MNT/$view" w,trunc
        equal "$(stat -c %A "$MNT/$view")" -r--r--r--
    done
    nothing_changed
}

test_changing_a_record() {
    prepare
    expect_errno EACCES truncate "$MNT/records/0" 0
    expect_errno EACCES truncate "$MNT/log" 0
    expect_errno EPERM unlink "$MNT/records/0"
    expect_errno EPERM rename "$MNT/records/0" "$MNT/records/1"
    expect_errno EPERM rename "$MNT/records/0" "$MNT/zero"
    expect_errno EPERM link "$MNT/records/0" "$MNT/zero"
    expect_errno EPERM chmod "$MNT/records/0" 0600
    equal "$(sys chmod "$MNT/records/0" 0444)" 0
    fails rm -f "$MNT/records/0"
    fails mv "$MNT/records/0" "$MNT/records/5"
    fails truncate -s 1 "$MNT/records/0"
    nothing_changed
}

test_creating() {
    local dir
    prepare
    for dir in "$MNT" "$MNT/records" "$MNT/segments" "$MNT/$segment0"; do
        expect_errno EPERM open "$dir/new" w,creat
        expect_errno EPERM mkdir "$dir/new"
        expect_errno EPERM mknod "$dir/new"
        expect_errno EPERM symlink target "$dir/new"
    done
    fails touch "$MNT/new"
    nothing_changed
}

test_removing() {
    prepare
    expect_errno EPERM rmdir "$MNT/records"
    expect_errno EPERM rmdir "$MNT/segments"
    expect_errno EPERM unlink "$MNT/append"
    expect_errno EPERM unlink "$MNT/log"
    expect_errno EPERM unlink "$MNT/$segment0/store"
    expect_errno EPERM rename "$MNT/append" "$MNT/put"
    expect_errno EPERM rename "$MNT/segments" "$MNT/other"
    expect_errno ENOENT unlink "$MNT/nothing"
    rm -rf "${MNT:?}"/* 2>/dev/null && fail "rm -rf succeeded"
    nothing_changed
}

# What editors, rsync and glibc do to a file they write to.
test_what_a_door_puts_up_with() {
    local door
    prepare
    for door in append put; do
        equal "$(sys truncate "$MNT/$door" 0)" 0
        equal "$(sys truncate "$MNT/$door" 100)" 0
        equal "$(sys ftruncate "$MNT/$door" 100)" 0
        expect_errno ESPIPE fallocate "$MNT/$door" 100
        expect_errno EPERM chmod "$MNT/$door" 0666
        equal "$(sys chmod "$MNT/$door" 0200)" 0
        equal "$(sys chown "$MNT/$door" "$(id -u)" "$(id -g)")" 0
        expect_errno EOPNOTSUPP setxattr "$MNT/$door" user.other
        expect_errno EOPNOTSUPP getxattr "$MNT/$door" user.other
        touch "$MNT/$door"
    done
    nothing_changed
    python3 - "$MNT/append" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.posix_fallocate(fd, 0, 100)
except OSError:
    sys.exit(0)
sys.exit("posix_fallocate succeeded")
END
    nothing_changed
}

test_a_read_only_log() {
    prepare
    unmount_log
    mount_log -o ro
    for door in append put; do
        expect_errno EROFS open "$MNT/$door" w
    done
    nothing_changed
    equal "$(cat "$MNT/records/1")" two
}

# refused PATTERN ARGUMENT...: the daemon ends with an error that says so.
refused() {
    local status=0 output
    output=$(timeout 20 "$CLOG" -f "${@:2}" 2>&1) || status=$?
    ((status > 0 && status < 124)) || fail "status $status of: $*"
    contains "$output" "$1"
    contains "$output" '^clog: '
    fails is_mounted
}

test_bad_options() {
    mkdir "$MNT"
    refused max_index -o max_index=0 "$LOG" "$MNT"
    refused max_index --max_index=0 "$LOG" "$MNT"
    refused max_record -o max_record=-1 "$LOG" "$MNT"
    refused max_record -o max_record=0 "$LOG" "$MNT"
    refused max_record -o max_record=65M "$LOG" "$MNT"
    refused max_record -o max_record=10X "$LOG" "$MNT"
    refused max_record -o max_record= "$LOG" "$MNT"
    refused max_store -o max_store=99999999999999999999 "$LOG" "$MNT"
    refused max_store -o max_store=99999999999G "$LOG" "$MNT"
    refused umask -o umask=9 "$LOG" "$MNT"
    refused umask -o umask=01777 "$LOG" "$MNT"
    refused uid -o uid=nobody1 "$LOG" "$MNT"
    refused 'remount is not offered: .*anew' -o remount,ro "$LOG" "$MNT"
    refused 'allow_root is not offered: use allow_other' -o allow_root \
        "$LOG" "$MNT"
    refused 'context=.* is not offered: ' -o context=a:b:c "$LOG" "$MNT"
    refused no_such_option -o no_such_option "$LOG" "$MNT"
    refused no-such-option --no-such-option "$LOG" "$MNT"
    [[ ! -e $LOG ]] || fail "a refused option made a log"
}

test_a_log_that_is_a_file() {
    mkdir "$MNT"
    echo something >"$LOG"
    refused "$LOG.*ot a directory" "$LOG" "$MNT"
    equal "$(cat "$LOG")" something
}

test_a_log_without_a_parent() {
    mkdir "$MNT"
    refused "$TMP/no/log" "$TMP/no/log" "$MNT"
    [[ ! -e $TMP/no ]] || fail "the parent was made"
}

test_a_mountpoint_that_is_no_directory() {
    : >"$MNT"
    refused "$MNT" "$LOG" "$MNT"
    rm "$MNT"
    refused "$MNT" "$LOG" "$MNT"
}

test_a_directory_that_is_no_log() {
    mkdir "$MNT" "$LOG"
    echo precious >"$LOG/file"
    refused "$LOG" "$LOG" "$MNT"
    equal "$(ls "$LOG")" file
}

test_a_wrong_format_file() {
    prepare
    unmount_log
    printf 'clog 2\n' >"$LOG/format"
    refused 'format.*\b5\b' "$LOG" "$MNT"
    printf 'clug 1\n' >"$LOG/format"
    refused 'format.*\b2\b' "$LOG" "$MNT"
    printf 'clog 1\nmore' >"$LOG/format"
    refused 'format.*\b7\b' "$LOG" "$MNT"
    printf 'clog' >"$LOG/format"
    refused 'format.*\b4\b' "$LOG" "$MNT"
    printf 'clog 1\n' >"$LOG/format"
    mount_log
    nothing_changed
}

test_files_that_are_no_files() {
    local file
    prepare
    unmount_log
    for file in format $segment0/store $segment0/index $segment0/stamps; do
        mv "$LOG/$file" "$TMP/kept"
        mkdir "$LOG/$file"
        refused "$file" "$LOG" "$MNT"
        rmdir "$LOG/$file"
        mkfifo "$LOG/$file"
        refused "$file" "$LOG" "$MNT"
        rm "$LOG/$file"
        mv "$TMP/kept" "$LOG/$file"
    done
    mount_log
    nothing_changed
}

# overwrite FILE POSITION BYTES: as a failing disk would.
overwrite() {
    chmod u+w "$1"
    printf '%b' "$3" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Damage does not keep the rest from being read.
test_a_damaged_payload() {
    prepare
    unmount_log
    overwrite "$LOG/$segment0/store" 22 X
    mount_log
    expect_errno EIO read "$MNT/records/1"
    equal "$(record 0)" one
    equal "$(record 2)" three
    fails cat "$MNT/log"
    equal "$(head -c 4 "$MNT/log")" one
    echo more >>"$MNT/append"
    equal "$(record 3)" more
    (($(status read_errors) > 0)) || fail "the damage is not counted"
}

test_a_damaged_length() {
    prepare
    unmount_log
    overwrite "$LOG/$segment0/store" 12 '\377'
    mount_log
    nothing_changed_but_the_store
    contains "$(cat "$TMP/daemon")" "$segment0/store.*\b12\b"
}

# The index and the checksum know the length better.
nothing_changed_but_the_store() {
    printf 'one\ntwo\nthree\n' | cmp - "$MNT/log"
    equal "$(record 1)" two
}

test_a_damaged_index() {
    prepare
    unmount_log
    overwrite "$LOG/$segment0/index" 16 '\377'
    mount_log
    nothing_changed
    contains "$(cat "$TMP/daemon")" "$segment0/index.*\b16\b"
}

run_tests
