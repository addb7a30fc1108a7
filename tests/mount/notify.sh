#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# What a service manager is told: a stand-in for it prints each datagram, its
# lines joined by blanks, into $TMP/told.
manager() {
    python3 -c '
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + name[1:] if name[0] == "@" else name)
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
' "$1" >"$TMP/told" 2>&1 &
    manager=$!
    wait_for 10 grep -q listening "$TMP/told"
    export NOTIFY_SOCKET=$1
}

# told LINE...: these, in this order, and nothing else.
told() {
    equal "$(sed 1d "$TMP/told")" "$(printf '%s\n' "$@")" "what it was told"
}

test_ready_and_stopping() {
    manager "$TMP/socket"
    mount_log
    wait_for 5 grep -q READY "$TMP/told"
    told "READY=1 STATUS=Serving"
    unmount_log
    wait_for 5 grep -q STOPPING "$TMP/told"
    told "READY=1 STATUS=Serving" "STOPPING=1 STATUS=Closing the log"
    kill "$manager"
}

test_an_abstract_socket() {
    manager "@clog-test-$$"
    mount_log
    wait_for 5 grep -q READY "$TMP/told"
    unmount_log
    kill "$manager"
}

# Not ready before it can be used: what is written then is in the log.
test_ready_means_that_it_serves() {
    mkdir -p "$MNT"
    manager "$TMP/socket"
    "$CLOG" -f "$LOG" "$MNT" 2>>"$TMP/daemon" &
    daemon=$!
    while ! grep -q READY "$TMP/told"; do
        kill -0 "$daemon"
    done
    echo hello >>"$MNT/append"
    equal "$(cat "$MNT/log")" hello
    unmount_log
    kill "$manager"
}

# A log that is checked for some time tells how far it is.
test_progress_of_recovery() {
    local percent
    mount_log
    head -c 30000000 /dev/zero | tr '\0' x | fold -w 1000 >>"$MNT/append"
    kill_daemon
    # Of another boot, so that all of it is read.
    sed -i 's/^boot .*/boot 00000000-0000-0000-0000-000000000000/' "$LOG/writer"
    manager "$TMP/socket"
    mount_log
    wait_for 5 grep -q READY "$TMP/told"
    contains "$(cat "$TMP/told")" '^STATUS=Checking the log: [0-9]+%$'
    percent=$(sed -nE 's/.*log: ([0-9]+)%/\1/p' "$TMP/told")
    equal "$(sort -n <<<"$percent" | uniq)" "$percent" "per cents"
    equal "$(tail -n 1 "$TMP/told")" "READY=1 STATUS=Serving"
    unmount_log
    kill "$manager"
}

# One that cannot be reached is said, and no reason not to serve.
test_no_manager() {
    export NOTIFY_SOCKET=$TMP/none
    mount_log
    contains "$(cat "$TMP/daemon")" "NOTIFY_SOCKET $TMP/none: No such file"
    echo hello >>"$MNT/append"
    unmount_log
    NOTIFY_SOCKET=none
    mount_log
    contains "$(cat "$TMP/daemon")" "NOTIFY_SOCKET none: Invalid argument"
}

# It goes away while the log is served.
test_a_manager_that_goes() {
    manager "$TMP/socket"
    mount_log
    kill "$manager"
    echo hello >>"$MNT/append"
    unmount_log
}

run_tests
