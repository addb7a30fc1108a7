#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Services that write their log for months, and their ways to begin a new one.

# free_port: one that nobody listens on.
free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# Four clients, each COUNT requests on a connection that stays.
cat_clients() {
    python3 - "$1" "$2" <<'END'
import http.client, sys, threading
port, count = map(int, sys.argv[1:])
def client(name):
    c = http.client.HTTPConnection("127.0.0.1", port)
    for i in range(count):
        c.request("GET", "/%s/%d" % (name, i))
        c.getresponse().read()
threads = [threading.Thread(target=client, args=(n,)) for n in "abcd"]
for t in threads: t.start()
for t in threads: t.join()
END
}

start_nginx() {
    port=$(free_port)
    cat >"$TMP/nginx.conf" <<END
daemon off;
pid $TMP/nginx.pid;
error_log $TMP/nginx.errors;
worker_processes 2;
${1-}
events { worker_connections 64; }
http {
    access_log $MNT/append combined $2;
    server {
        listen 127.0.0.1:$port;
        keepalive_requests 100000;
        location / { return 200 "hello\n"; }
    }
}
END
    nginx -p "$TMP" -c "$TMP/nginx.conf" -e "$TMP/nginx.errors" &
    nginx=$!
    wait_for 20 test -s "$TMP/nginx.pid"
}

stop_nginx() {
    kill -QUIT "$nginx"
    wait "$nginx"
}

# Every client's requests, each a whole line, in order.
logged() {
    local name
    equal "$(status next)" $((4 * $1))
    for name in a b c d; do
        awk -v prefix="/$name/" 'index($7, prefix) == 1 {
            print substr($7, length(prefix) + 1) }' "$MNT/log" |
            cmp - <(seq 0 $(($1 - 1)))
    done
}

# The master lets go of the log and opens it again, as after a rotation, while
# requests come in.
test_nginx() {
    local user="" uid=$EUID clients i
    if ((EUID == 0)); then
        user="user nobody nogroup;"
        uid=$(id -u nobody)
        mount_log -o "allow_other,uid=$uid"
        chmod a+x "$TMP"
    else
        mount_log
    fi
    start_nginx "$user" ""
    cat_clients "$port" 1000 &
    clients=$!
    for i in {1..10}; do
        kill -USR1 "$nginx"
        sleep 0.1
    done
    wait "$clients"
    stop_nginx
    logged 1000
    # What is there is one process's problem with its own files, not ours.
    grep -E 'emerg|alert|crit' "$TMP/nginx.errors" && fail "it complains"
    goaccess --no-global-config --log-format=COMBINED -o "$TMP/report.json" \
        "$MNT/log" >"$TMP/goaccess" 2>&1
    equal "$(jq .general.valid_requests "$TMP/report.json")" 4000
    equal "$(jq .general.failed_requests "$TMP/report.json")" 0
}

# With a buffer, it writes many lines at once.
test_nginx_with_a_buffer() {
    local user=""
    ((EUID == 0)) && user="user root;"
    mount_log
    start_nginx "$user" "buffer=16k flush=1s"
    cat_clients "$port" 500
    stop_nginx
    logged 500
}

start_rsyslog() {
    cat >"$TMP/rsyslog.conf" <<END
global(workDirectory="$TMP")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$TMP/socket" RateLimit.Interval="0"
    CreatePath="off")
template(name="line" type="string" string="%syslogtag%%msg%\n")
action(type="omfile" file="$MNT/append" template="line" $1)
END
    rsyslogd -n -f "$TMP/rsyslog.conf" -i "$TMP/rsyslog.pid" \
        2>"$TMP/rsyslog.errors" &
    rsyslog=$!
    wait_for 20 test -S "$TMP/socket"
}

# logs OPTIONS: four programs log at once, and it is told to open its files
# anew meanwhile.
logs() {
    local w i pids=()
    mount_log
    start_rsyslog "$1"
    for w in a b c d; do
        seq 1 1000 | logger -u "$TMP/socket" -t "$w" &
        pids+=($!)
    done
    for i in {1..5}; do
        kill -HUP "$rsyslog"
        sleep 0.05
    done
    wait "${pids[@]}"
    wait_for 20 is_next 4000
    kill -TERM "$rsyslog"
    wait "$rsyslog"
    for w in a b c d; do
        sed -n "s/^$w: *//p" "$MNT/log" | cmp - <(seq 1 1000)
    done
    equal "$(status next)" 4000
    unmount_log
    rm -rf "$LOG"
}

is_next() {
    (($(status next) == $1))
}

test_rsyslog() {
    logs ""
    logs 'asyncWriting="on" ioBufferSize="8k" flushInterval="1"'
    logs 'sync="on"'
}

# Standard output that stays open for as long as the service runs, as a
# service manager hands it over; the program goes, the descriptor stays.
test_standard_output() {
    mount_log
    exec 3>>"$MNT/append"
    for i in {1..20}; do
        bash -c 'echo "started $1"; echo "warning $1" >&2' - "$i" >&3 2>&3
    done
    python3 -u -c 'for i in range(100): print("line", i)' >&3
    exec 3>&-
    equal "$(status next)" 140
    equal "$(grep -c '^started ' "$MNT/log")" 20
    equal "$(tail -n 1 "$MNT/log")" "line 99"
}

# logrotate's ways: renaming is refused and loses nothing, copying and
# truncating finds nothing to cut.
test_rotation_by_others() {
    mount_log
    seq 1 100 >>"$MNT/append"
    expect_errno EPERM rename "$MNT/append" "$MNT/append.1"
    cp "$MNT/log" "$TMP/log.1"
    equal "$(sys truncate "$MNT/append" 0)" 0
    equal "$(sys truncate "$MNT/log" 0 || true)" EACCES
    seq 101 200 >>"$MNT/append"
    seq 1 200 | cmp - "$MNT/log"
}

run_tests
