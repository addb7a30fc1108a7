#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_help() {
    local option
    "$CLOG" --help >"$TMP/help" 2>"$TMP/errors"
    cmp "$TMP/errors" /dev/null
    contains "$(head -n 1 "$TMP/help")" '^[Uu]sage: clog .*LOGDIR MOUNTPOINT'
    for option in max_store max_index max_record uid gid umask ro \
        allow_other -f -d -s -o -h -V; do
        contains "$(cat "$TMP/help")" "$option"
    done
    "$CLOG" -h | cmp - "$TMP/help"
}

test_version() {
    local version
    version=$(sed -nE "s/^ *version: '(.*)',/\1/p" "$SOURCE/meson.build" |
        head -n 1)
    contains "$("$CLOG" --version)" "^clog (version )?$version\$"
    contains "$("$CLOG" -V)" '^libfuse 3\.'
}

test_missing_arguments() {
    local output
    for arguments in "" "$LOG" "$LOG $MNT $TMP"; do
        # shellcheck disable=SC2086 # none, one, three arguments
        fails "$CLOG" $arguments >"$TMP/output" 2>"$TMP/errors"
        cmp "$TMP/output" /dev/null
        output=$(cat "$TMP/errors")
        contains "$output" '^clog: '
        contains "$output" --help
    done
}

test_it_goes_to_the_background() {
    mkdir "$MNT"
    timeout 20 "$CLOG" "$LOG" "$MNT" >"$TMP/output" 2>&1
    serves >/dev/null
    cmp "$TMP/output" /dev/null
    echo hello >>"$MNT/append"
    detach "$MNT"
    wait_for 10 flock --nonblock "$LOG" true
    mount_log
    equal "$(cat "$MNT/log")" hello
}

test_relative_paths() {
    mkdir "$MNT"
    cd "$TMP"
    timeout 20 "$CLOG" log mnt
    echo hello >>mnt/append
    is_mounted
    equal "$(findmnt -n -o SOURCE -M "$MNT")" "$LOG"
    detach "$MNT"
    wait_for 10 flock --nonblock "$LOG" true
}

# Errors reach whoever started it, although it would go to the background.
test_errors_before_it_goes_to_the_background() {
    mkdir "$MNT"
    echo file >"$LOG"
    fails timeout 20 "$CLOG" "$LOG" "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "^clog: .*$LOG"
    rm "$LOG" "$TMP/errors"
    fails timeout 20 "$CLOG" "$LOG" "$TMP/nowhere" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "^clog: .*$TMP/nowhere"
}

test_the_mount_table() {
    local line
    mount_log
    line=$(mount | grep " $MNT ")
    contains "$line" "^$LOG on $MNT type fuse.clog "
    for option in nosuid nodev noexec default_permissions; do
        contains "$line" "[(,]${option}[,)]"
    done
    grep -qE '[(,]allow_other[,)]' <<<"$line" && fail "open to others"
    remount_log -o allow_other
    contains "$(mount | grep " $MNT ")" '[(,]allow_other[,)]'
}

test_the_log_is_made_private() {
    mount_log
    equal "$(stat -c %a "$LOG")" 700
    equal "$(cat "$LOG/format")" "clog 1"
}

test_what_fstab_passes() {
    mount_log -o rw,dev,suid,exec,auto,noauto,user,nofail,_netdev,defaults \
        -o nonempty,default_permissions,user=nobody,subtype=clog \
        -o x-systemd.automount,x-something=else
    echo hello >>"$MNT/append"
    equal "$(cat "$MNT/log")" hello
}

test_mount_helper() {
    ((EUID == 0)) || return 0
    mkdir "$MNT"
    mount -t fuse "$CLOG#$LOG" "$MNT" -o max_store=64K,umask=077,nofail
    serves >/dev/null
    equal "$(stat -c %A "$MNT/log")" -r--------
    umount "$MNT"
    wait_for 10 flock --nonblock "$LOG" true
}

test_owner_and_umask() {
    mount_log -o uid=1234,gid=2345,umask=027
    equal "$(stat -c '%u %g %A' "$MNT/append")" '1234 2345 --w-------'
    equal "$(stat -c '%u %g %A' "$MNT/status")" '1234 2345 -r--r-----'
    equal "$(stat -c %A "$MNT")" dr-xr-x---
    equal "$(stat -c %A "$MNT/records")" drwxr-x---
    remount_log
    equal "$(stat -c '%u %g %A' "$MNT/append")" \
        "$(id -u) $(id -g) --w-------"
    equal "$(stat -c %A "$MNT/log")" -r--r--r--
    remount_log --umask=0 --uid=7
    equal "$(stat -c '%u %A' "$MNT/append")" '7 --w--w--w-'
}

test_long_options_and_suffixes() {
    mount_log --max_store=64K --max_index=1M --max_record=2M
    head -c 1044480 /dev/zero >"$TMP/block"
    equal "$(sys write "$MNT/put" w <"$TMP/block")" 1044480
    (head -c 1999999 /dev/zero | tr '\0' x && echo) >"$TMP/line"
    cat "$TMP/line" >>"$MNT/append"
    cmp "$MNT/records/1" "$TMP/line"
}

test_a_second_daemon() {
    mkdir "$TMP/second"
    mount_log
    fails timeout 20 "$CLOG" -f "$LOG" "$TMP/second" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "^clog: .*$LOG.*\b$daemon\b"
    fails is_mounted "$TMP/second"
    echo hello >>"$MNT/append"
    equal "$(cat "$MNT/log")" hello
}

test_readers_share_a_log() {
    local first
    mount_log
    seq 1 10 >>"$MNT/append"
    remount_log -o ro
    first=$daemon
    MNT=$TMP/second
    mount_log -o ro
    equal "$(cat "$MNT/log")" "$(cat "$TMP/mnt/log")"
    unmount_log
    MNT=$TMP/mnt
    daemon=$first
}

test_single_threaded_and_debugging() {
    mount_log -s
    echo hello >>"$MNT/append"
    equal "$(cat "$MNT/last")" hello
    unmount_log
    mkdir -p "$MNT"
    "$CLOG" -d "$LOG" "$MNT" 2>"$TMP/debug" &
    daemon=$!
    wait_for 10 serves
    echo hello >>"$MNT/append"
    unmount_log
    contains "$(cat "$TMP/debug")" 'opcode: WRITE'
}

run_tests
