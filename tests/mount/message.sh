#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# Whoever takes the daemon's messages must not be able to hold it up.

# lose_lines: many messages at once, each of an unfinished line that cannot be
# stored, since it is longer than any file that the daemon may make (ulimit -f).
# They are lost when the files are closed, by the end of the process.
lose_lines() {
    local i fd
    for ((i = 1; i <= 100; i++)); do
        exec {fd}>>"$MNT/append"
        printf '%*d' "$((140000 + i))" 1 >&"$fd"
    done
}

lose_lines_in_time() {
    local i
    export MNT
    export -f lose_lines
    for ((i = 0; i < 3; i++)); do
        timeout -s KILL 60 bash -c lose_lines ||
            fail "the daemon answers nothing"
    done
    timeout -s KILL 60 cat "$MNT/status" >/dev/null ||
        fail "the daemon answers nothing"
    wait_for 10 eval '(($(status lines_lost) == 300))'
}

# mount_with_stderr_full: nobody reads what it says, and there is room for 4 KiB.
mount_with_stderr_full() {
    mkdir -p "$MNT"
    mkfifo "$TMP/fifo"
    exec 3<>"$TMP/fifo"
    python3 -c 'import fcntl; fcntl.fcntl(3, fcntl.F_SETPIPE_SZ, 4096)'
    (
        ulimit -f 128
        exec "$CLOG" -f "$LOG" "$MNT" 2>&3 3>&-
    ) &
    daemon=$!
    wait_for 30 serves_or_died
    serves >/dev/null || fail "the daemon did not start"
}

test_a_pipe_that_nobody_reads() {
    mount_with_stderr_full
    for ((i = 0; i < 10; i++)); do
        echo "$i" >>"$MNT/append"
    done
    lose_lines_in_time
    equal "$(timeout -s KILL 20 cat "$MNT/records/0")" 0
    detach "$MNT"
    daemon_ends 6
    exec 3>&-
}

# The worst case: a syslog daemon that stores what it is told in the log whose
# daemon tells it, with a queue of ten messages. In a namespace of its own,
# where /dev/log is this one.
syslog_into_the_mount() {
    python3 - "$1" "$2" <<'END'
import os, socket, sys

log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
open(sys.argv[2], "w").close()
while True:
    text = log.recv(65536).rstrip(b"\0\n")
    door = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
    try:
        os.write(door, text + b"\n")
    except OSError:
        pass
    os.close(door)
END
}

in_a_namespace() {
    local i
    mkdir "$TMP/dev"
    mount -t tmpfs tmpfs "$TMP/dev"
    cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/fuse "$TMP/dev"
    mount --bind "$TMP/dev" /dev
    mkdir "$MNT"
    syslog_into_the_mount "$MNT/append" "$TMP/ready" &
    wait_for 30 test -e "$TMP/ready"
    (
        ulimit -f 128
        exec "$CLOG" "$LOG" "$MNT"
    )
    echo hello >>"$MNT/append"
    lose_lines_in_time
    timeout -s KILL 20 cat "$MNT/log" >"$TMP/lines"
    grep -qx hello "$TMP/lines"
    grep -q ': serves 0 records' "$TMP/lines"
    wait_for 30 grep -q 'unfinished line' "$MNT/log"
    kill $!
    wait_for 10 detach "$MNT"
    wait_for 30 flock --nonblock "$LOG" true
}

test_a_syslog_daemon_that_writes_here() {
    ((EUID == 0)) || return 0
    export TMP MNT LOG CLOG
    export -f in_a_namespace syslog_into_the_mount wait_for fail equal status \
        lose_lines lose_lines_in_time detach
    timeout -s KILL 300 unshare --mount --kill-child --pid --fork --mount-proc \
        --net bash -ceuE -o pipefail in_a_namespace
}

run_tests
