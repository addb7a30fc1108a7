#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# closed LOGDIR: nobody has it open.
closed() {
    flock --nonblock "${1:-$LOG}" true
}

# in_namespace: runs the commands of its input where mounts are seen by nobody
# else, with what is shared here; root alone can.
in_namespace() {
    export TMP LOG MNT
    {
        echo 'set -eEuo pipefail'
        echo ". '$SOURCE/tests/tools/common.sh'"
        echo "trap 'echo \"line \$LINENO: \$BASH_COMMAND\" >&2' ERR"
        declare -f closed
        cat
    } >"$TMP/commands"
    unshare --mount --propagation private bash "$TMP/commands"
}

test_the_helpers_of_mount() {
    ((EUID == 0)) || return 0
    mkdir "$MNT"
    in_namespace <<'END'
mkdir "$TMP/sbin"
mount --bind /usr/sbin "$TMP/sbin"
mount -t tmpfs tmpfs /usr/sbin
ln -s "$TMP"/sbin/* /usr/sbin
ln -sf "$CLOG" /usr/sbin/mount.clog

use() {
    wait_for 10 serves
    [[ $(findmnt -n -o SOURCE -M "$MNT") == "$LOG" ]]
    echo "by $1" >>"$MNT/append"
    umount "$MNT"
    wait_for 10 closed
}

mount -t clog "$LOG" "$MNT"
use "mount -t clog"
mount -t clog -o ro,noatime,nofail "$LOG" "$MNT"
expect_errno EROFS open "$MNT/append" w
umount "$MNT"
wait_for 10 closed

# As it is without the link mount.fuse.clog, and with it.
ln -s "$CLOG" /usr/sbin/clog
mount -t fuse.clog "$LOG" "$MNT" -o max_store=1M,sync=1
use "mount -t fuse.clog"
ln -s "$CLOG" /usr/sbin/mount.fuse.clog
mount -t fuse.clog "$LOG" "$MNT" -o max_store=1M,sync=1
use "mount -t fuse.clog again"

echo "$LOG $MNT fuse.clog \
allow_other,umask=027,sync=1,nofail,x-systemd.automount 0 0" >"$TMP/fstab"
mount --fstab "$TMP/fstab" "$MNT"
[[ $(stat -c %A "$MNT/log") == -r--r----- ]]
findmnt -n -o OPTIONS -M "$MNT" | grep -q allow_other
use "fstab"
mount --fstab "$TMP/fstab" -a
use "mount -a"
sed -i 's/fuse\.clog/clog/' "$TMP/fstab"
mount --fstab "$TMP/fstab" "$MNT"
use "fstab with clog"

# mount -f tries an fstab and mounts nothing.
timeout 20 mount -f -t clog -o ro "$LOG" "$MNT"
timeout 20 mount -f --fstab "$TMP/fstab" -a
fails is_mounted

# What is wrong is said, and mount(8) fails.
fails mount -t clog -o no_such_option "$LOG" "$MNT" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" no_such_option
fails mount -t clog "$TMP/no/log" "$MNT" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" "$TMP/no"
END
    mount_log
    equal "$(status next)" 6
    equal "$(tail -n 1 "$MNT/log")" "by fstab with clog"
}

# In a namespace where anybody may open /dev/fuse, as is usual, a user with a
# directory for the log and one to mount on.
as_user() {
    ((EUID == 0)) || return 0
    install -m 755 "$CLOG" "$TMP/clog"
    chmod a+x "$TMP"
    mkdir "$TMP/home" "$TMP/home/mnt"
    chown -R "$other_uid:$other_gid" "$TMP/home"
    LOG=$TMP/home/log MNT=$TMP/home/mnt
    {
        cat <<'END'
mknod "$TMP/fuse" c 10 229
chmod 666 "$TMP/fuse"
mount --bind "$TMP/fuse" /dev/fuse
CLOG=$TMP/clog
END
        cat
    } | in_namespace
}

test_a_user_without_privileges() {
    as_user <<'END'
as_other "$CLOG" "$LOG" "$MNT"
[[ $(findmnt -n -o FSTYPE -M "$MNT") == fuse.clog ]]
as_other bash -euc 'echo hello >>"$MNT/append"; cat "$MNT/last"' >"$TMP/out"
[[ $(cat "$TMP/out") == hello ]]
[[ $(as_other stat -c %u "$MNT/log") == "$other_uid" ]]

# Nobody else may look in, not even root.
fails cat "$MNT/log" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" "Permission denied"

as_other fusermount3 -u "$MNT"
wait_for 10 closed
[[ -e $LOG/clean ]]

as_other "$CLOG" -o ro "$LOG" "$MNT"
[[ $(as_other cat "$MNT/log") == hello ]]
as_other fusermount3 -u "$MNT"
wait_for 10 closed
END
}

test_a_dead_mount_of_a_user() {
    as_user <<'END'
as_other "$CLOG" "$LOG" "$MNT"
as_other bash -euc 'echo hello >>"$MNT/append"'
kill -KILL "$(sed -n 's/^pid //p' "$LOG/writer")"
wait_for 10 closed
[[ $(as_other bash -c 'cat "$MNT/log" 2>&1') == *"not connected"* ]]
as_other "$CLOG" "$LOG" "$MNT" 2>"$TMP/messages"
contains "$(cat "$TMP/messages")" "$MNT: unmounted the mount of a dead clog"
[[ $(as_other cat "$MNT/log") == hello ]]
[[ $(findmnt -n -M "$MNT" | wc -l) == 1 ]]
as_other fusermount3 -u "$MNT"
wait_for 10 closed
END
}

test_allow_other_as_the_system_says() {
    as_user <<'END'
echo "# nothing is allowed" >"$TMP/fuse.conf"
mount --bind "$TMP/fuse.conf" /etc/fuse.conf
fails as_other "$CLOG" -o allow_other "$LOG" "$MNT" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" user_allow_other
fails is_mounted
echo user_allow_other >"$TMP/fuse.conf"
as_other "$CLOG" -o allow_other "$LOG" "$MNT"
as_other bash -euc 'echo hello >>"$MNT/append"'
[[ $(cat "$MNT/log") == hello ]]
setpriv --reuid 4711 --regid 4711 --clear-groups cat "$MNT/last"
as_other fusermount3 -u "$MNT"
wait_for 10 closed
END
}

# other_errno ERRNO CALL...: what expect_errno() expects, of the other user.
other_errno() {
    local got
    got=$(as_other "$TMP/sys" "${@:2}" </dev/null || true)
    equal "$got" "$1" "sys ${*:2} of another user"
}

test_modes_and_another_user() {
    ((EUID == 0)) || return 0
    install -m 755 "$TOOLS/sys" "$TMP/sys"
    mount_log
    echo hello >>"$MNT/append"
    other_errno EACCES open "$MNT/log" r

    remount_log -o allow_other
    other_errno 0 open "$MNT/log" r
    other_errno 0 open "$MNT/records/0" r
    other_errno EACCES open "$MNT/append" w
    other_errno EACCES open "$MNT/put" w
    other_errno EACCES mkdir "$MNT/cursors/mine"
    other_errno EACCES open "$MNT/records/1" w,creat,excl
    other_errno EACCES rmdir "$MNT/$segment0"

    remount_log -o allow_other,umask=0
    other_errno 0 open "$MNT/append" w
    as_other bash -euc 'echo "from another" >>"$1/append"' - "$MNT"
    equal "$(record 1)" "from another"
    other_errno 0 open "$MNT/records/2" w,creat,excl
    as_other bash -euc 'cd "$1/cursors"; mkdir mine; echo 1 >mine/offset
        [[ $(cat mine/offset mine/lag) == $'"'1\n1'"' ]]; rmdir mine' - "$MNT"
    other_errno EACCES rmdir "$MNT/$segment0"

    remount_log -o allow_other,umask=077
    other_errno EACCES open "$MNT/log" r
    other_errno EACCES access "$MNT/records/0"
    other_errno EACCES open "$MNT/append" w

    remount_log -o "allow_other,gid=$other_gid,umask=007"
    other_errno 0 open "$MNT/log" r
    other_errno 0 open "$MNT/append" w
    other_errno 0 open "$MNT/records/2" w,creat,excl
    other_errno 0 mkdir "$MNT/cursors/group"
    other_errno 0 rmdir "$MNT/cursors/group"

    remount_log -o "allow_other,uid=$other_uid,umask=022"
    as_other bash -euc 'echo "its own" >>"$1/append"' - "$MNT"
    equal "$(record 2)" "its own"
}

test_a_killed_daemon() {
    mount_log
    echo hello >>"$MNT/append"
    exec 3>>"$MNT/append" 4<"$MNT/log"
    kill -KILL "$daemon"
    wait "$daemon" || true
    expect_errno ENOTCONN open "$MNT/log" r
    expect_errno ENOTCONN access "$MNT/records/0"
    fails bash -c 'echo more >&3' 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "not connected"
    fails cat <&4 2>"$TMP/errors"
    exec 3>&- 4<&-
    : >"$TMP/daemon"
    mount_log
    contains "$(cat "$TMP/daemon")" \
        "$MNT: unmounted the mount of a dead clog"
    equal "$(cat "$MNT/log")" hello
}

# all_files: every file of LOGDIR, with its bytes, mode and times.
all_files() {
    find "$LOG" -printf '%P %y %m %s %T@ %C@ %i\n' | sort
    find "$LOG" -type f -exec sha256sum {} + | sort
}

# mount_read_only N: on $MNT.N, beside others.
mount_read_only() {
    mkdir -p "$MNT.$1"
    "$CLOG" -o ro "$LOG" "$MNT.$1" 2>>"$TMP/daemon"
}

unmount_all() {
    local i
    for i in "$@"; do
        detach "$MNT.$i"
    done
    wait_for 10 closed
}

test_several_read_only() {
    local before i
    mount_log
    text 300 | tee "$TMP/text" >>"$MNT/append"
    mkdir "$MNT.1"
    fails timeout 20 "$CLOG" -o ro "$LOG" "$MNT.1" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "in use by process $daemon"
    unmount_log
    before=$(all_files)
    for i in 1 2 3; do
        mount_read_only "$i"
    done
    for i in 1 2 3; do
        cmp "$MNT.$i/log" "$TMP/text"
        cat "$MNT.$i/metrics.prom" >/dev/null
        cmp "$MNT.$i/records/9" <(sed -n 10p "$TMP/text")
    done
    contains "$(cat "$MNT.2/status")" '^writable no$'
    mkdir -p "$MNT"
    fails timeout 20 "$CLOG" -f "$LOG" "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "$LOG"
    unmount_all 1 2 3
    equal "$(all_files)" "$before" "LOGDIR"
}

test_of_a_read_only_directory() {
    ((EUID == 0)) || return 0
    mount_log
    text 300 >>"$MNT/append"
    kill_daemon
    in_namespace <<'END'
mount --bind "$LOG" "$LOG"
mount -o remount,bind,ro "$LOG"
"$CLOG" -o ro "$LOG" "$MNT"
cmp "$MNT/log" <(text 300)
umount "$MNT"
wait_for 10 closed
fails timeout 20 "$CLOG" "$LOG" "$MNT" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" "ead-only file system"
END
}

# A log that somebody else owns, who lets others read.
test_of_another_ones_directory() {
    as_user <<'END'
mkdir "$TMP/mnt"
"$CLOG" "$LOG" "$TMP/mnt"
text 300 >>"$TMP/mnt/append"
umount "$TMP/mnt"
wait_for 10 closed
find "$LOG" -type d -exec chmod 755 {} +
find "$LOG" -type f -exec chmod 644 {} +
as_other "$CLOG" -o ro "$LOG" "$MNT"
as_other cat "$MNT/log" | cmp - <(text 300)
as_other fusermount3 -u "$MNT"
wait_for 10 closed
fails as_other timeout 20 "$CLOG" "$LOG" "$MNT" 2>"$TMP/errors"
contains "$(cat "$TMP/errors")" 'denied|not permitted'
END
}

# damaged COMMAND...: makes a log, damages it so, and reads what is left.
damaged() {
    local before
    mount_log -o max_store=4K
    text 300 | dd of="$MNT/append" bs=500 conv=notrunc status=none
    kill_daemon
    rm -f "$LOG/writer"
    find "$LOG" -type f -exec chmod u+w {} +
    "$@"
    before=$(all_files)
    mount_read_only 1
    cat "$MNT.1"/records/* >"$TMP/left" 2>"$TMP/errors" || true
    find "$MNT.1" -type f -exec cat {} + >/dev/null 2>&1 || true
    getfattr -d "$MNT.1"/records/* >/dev/null
    contains "$(cat "$MNT.1/status")" '^writable no$'
    unmount_all 1
    equal "$(all_files)" "$before" "LOGDIR"
    rm -rf "$LOG"
}

last_segment() {
    printf '%s\n' "$LOG"/segments/* | tail -n 1
}

flip() {
    printf '\252' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# The first byte of a record's payload; the index tells where that is.
flip_record() {
    local position
    position=$(xxd -s $(($1 * 16 + 8)) -l 8 -p "$LOG/$segment0/index")
    flip "$LOG/$segment0/store" $((16#$position + 8))
}

test_of_a_damaged_log() {
    damaged flip_record 20
    contains "$(cat "$TMP/errors")" "Input/output error"
    equal "$(wc -l <"$TMP/left")" 299
    damaged flip "$LOG/$segment0/index" 35
    equal "$(wc -l <"$TMP/left")" 300
    damaged rm "$LOG/$segment0/index"
    equal "$(wc -l <"$TMP/left")" 300
    damaged rm "$LOG/$segment0/stamps"
    equal "$(wc -l <"$TMP/left")" 300
    damaged eval 'printf torn >>"$(last_segment)/store"'
    equal "$(wc -l <"$TMP/left")" 300
    damaged eval 'truncate -s -10 "$(last_segment)/store"'
    (($(wc -l <"$TMP/left") < 300)) || fail "nothing is missing"
}

# Damage that nobody knew of when the log was opened is said once, with its
# record and byte, and no more often.
test_damage_that_is_met() {
    local messages
    mount_log -o max_store=4K
    text 300 | dd of="$MNT/append" bs=500 conv=notrunc status=none
    unmount_log
    chmod u+w "$LOG/$segment0/index"
    flip "$LOG/$segment0/index" $((5 * 16 + 14))
    : >"$TMP/daemon"
    mount_log -o max_store=4K
    cmp "$MNT/log" <(text 300)
    cat "$MNT"/records/* >/dev/null
    cat "$MNT"/records/* >/dev/null
    messages=$(grep -c "$segment0/index: " "$TMP/daemon" || true)
    equal "$messages" 1 "messages in $(cat "$TMP/daemon")"
    (($(status indexes_rebuilt) == 1)) || fail "not counted"
}

test_unmounting_while_in_use() {
    local writer
    mount_log
    (while sleep 0.01; do echo line; done >>"$MNT/append") &
    writer=$!
    wait_for 10 test -e "$MNT/records/5"
    fails detach "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" busy
    echo another >>"$MNT/append"
    (cd "$MNT" && fails detach "$MNT" 2>/dev/null)
    kill "$writer"
    wait "$writer" || true
    wait_for 10 detach "$MNT"
    daemon_ends
    mount_log
    equal "$(grep -c another "$MNT/log")" 1
}

# The name goes at once; who has the door open goes on.
test_a_lazy_unmount() {
    local w pids=()
    mount_log
    for w in 1 2 3 4; do
        (
            for i in {1..100}; do
                printf 'w%d %d\n' "$w" "$i"
                sleep 0.005
            done
            printf 'w%d unfinished' "$w"
        ) >>"$MNT/append" &
        pids+=($!)
    done
    wait_for 10 test -e "$MNT/records/20"
    umount -l "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
    fails is_mounted
    wait "${pids[@]}"
    daemon_ends
    mount_log
    equal "$(status next)" 404
    for w in 1 2 3 4; do
        grep -h "^w$w " "$MNT"/records/{0..403} |
            cmp - <(seq -f "w$w %.0f" 1 100 && echo "w$w unfinished")
    done
}

run_tests
