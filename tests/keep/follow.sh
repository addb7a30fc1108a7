#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

following() {
    [[ $(status following) == "$1" ]]
}

test_what_is_appended_from_now_on() {
    mount_log
    append 1 10
    timeout 30 cat "$MNT/follow" >"$TMP/got" &
    local cat=$!
    wait_for 5 following 1
    append 11 2000
    wait_for 5 grep -qx 'record 2000' "$TMP/got"
    kill "$cat"
    wait "$cat" || true
    cmp "$TMP/got" <(seq -f 'record %.0f' 11 2000)
    wait_for 5 following 0
}

test_it_is_not_listed() {
    mount_log
    mkdir "$MNT/cursors/a"
    append 1 3
    timeout 20 grep -rqs nothing "$MNT" || (($? <= 2))
    timeout 20 tar -C "$MNT" -cf "$TMP/all.tar" --exclude=append \
        --exclude=put .
    find "$MNT" -name follow | cmp - /dev/null
    equal "$(stat -c '%F %A %s' "$MNT/follow")" \
        'regular empty file -r--r--r-- 0'
    expect_errno EACCES open "$MNT/follow" w
    expect_errno EACCES open "$MNT/follow" rw
}

test_by_a_cursor() {
    mount_log
    mkdir "$MNT/cursors/a"
    append 1 5
    echo 2 >"$MNT/cursors/a/offset"
    timeout 30 cat "$MNT/cursors/a/follow" >"$TMP/got" &
    local cat=$!
    wait_for 5 grep -qx 'record 5' "$TMP/got"
    wait_for 5 following 1
    append 6 7
    wait_for 5 grep -qx 'record 7' "$TMP/got"
    kill "$cat"
    cmp "$TMP/got" <(seq -f 'record %.0f' 3 7)
    equal "$(head -c 9 "$MNT/cursors/a/follow")" "record 3"
    equal "$(head -n 2 "$MNT/cursors/a/follow")" $'record 3\nrecord 4'
}

# As shells read: a block, and then back to behind the first line.
test_shells_read_lines() {
    local got shell
    mount_log
    mkdir "$MNT/cursors/a"
    append 1 5
    for shell in bash dash; do
        got=$(cd "$MNT" && $shell -c 'exec 3<cursors/a/follow
            for i in 1 2 3 4 5; do read -r line <&3 && echo "$line"; done')
        equal "$got" "$(seq -f 'record %.0f' 1 5)" "$shell"
    done
}

test_whole_records() {
    mount_log
    mkdir "$MNT/cursors/a"
    printf 'aaaaaaaaaa\nbbbbbbbbbb\ncccccccccc\n' >>"$MNT/append"
    head -c 300000 /dev/urandom >"$TMP/large"
    sys write "$MNT/put" w <"$TMP/large"
    echo last >>"$MNT/append"
    python3 - "$MNT/cursors/a/follow" "$TMP/large" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
large = open(sys.argv[2], "rb").read()
def expect(size, want):
    got = os.read(fd, size)
    assert got == want, (size, len(got), len(want), got[:50])
expect(32, b"aaaaaaaaaa\nbbbbbbbbbb\n")
expect(5, b"ccccc")
expect(100000, b"ccccc\n")
expect(100000, large[:100000])
expect(100000, large[100000:200000])
expect(100003, large[200000:])
expect(100000, b"last\n")
os.lseek(fd, 0, 0)
expect(4 << 20, b"aaaaaaaaaa\nbbbbbbbbbb\ncccccccccc\n" + large + b"last\n")
os.set_blocking(fd, False)
try:
    os.read(fd, 10)
    sys.exit("it did not block")
except BlockingIOError:
    pass
END
}

# A read that waits gets what was appended: with what was held of its line,
# without what is held now, from its position on, and not more than fits.
test_a_waiting_read_gets_records() {
    mount_log
    python3 - "$MNT" <<'END'
import os, sys, threading
mnt = sys.argv[1]
following = lambda: "following 1\n" in open(mnt + "/status").read()
append = os.open(mnt + "/append", os.O_WRONLY)
put = os.open(mnt + "/put", os.O_WRONLY)
durable = os.open(mnt + "/append", os.O_WRONLY | os.O_DSYNC)
fd = os.open(mnt + "/follow", os.O_RDONLY)
def expect(size, door, data, want, skip=0):
    got = []
    def read():
        os.lseek(fd, skip, 1)
        got.append(os.read(fd, size))
    reader = threading.Thread(target=read)
    reader.start()
    while not following():
        pass
    os.write(door, data)
    reader.join()
    assert got[0] == want, (size, data, got[0], want)
expect(4096, append, b"one\n", b"one\n")
expect(4096, append, b"two\nthr", b"two\n")
expect(4096, append, b"ee\n", b"three\n")
expect(4096, append, b"a\nb\nc\n", b"a\nb\nc\n")
expect(4096, append, b"x\nhel", b"x\n")
expect(4096, append, b"d\nful", b"held\n")
expect(4096, append, b"l\n", b"full\n")
expect(4096, append, b"not this\n", b"this\n", 4)
expect(4096, put, b"no newline", b"no newline")
expect(4096, durable, b"nor here", b"nor here")
expect(6, append, b"four\nfive\n", b"four\n")
assert os.read(fd, 4096) == b"five\n"
expect(3, append, b"seven\n", b"sev")
assert os.read(fd, 4096) == b"en\n"
os.lseek(fd, 0, 0)
whole = os.read(fd, 4096)
assert whole == b"one\ntwo\nthree\na\nb\nc\nx\nheld\nfull\n" \
    b"not this\nno newlinenor herefour\nfive\nseven\n", whole
END
}

test_many_are_woken() {
    mount_log
    mkfifo "$TMP/go"
    crowd "$MNT/follow" 200 0 <"$TMP/go" >"$TMP/crowd" &
    local crowd=$!
    exec 3>"$TMP/go"
    wait_for 60 grep -q waiting "$TMP/crowd"
    equal "$(status following)" 200
    # Nobody else is slower for it: ls as fast as ever, by far.
    timeout 2 ls -l "$MNT" "$MNT/records" >/dev/null
    append 1 1
    echo go >&3
    exec 3>&-
    wait "$crowd"
    equal "$(tail -n 1 "$TMP/crowd")" "record 1"
    equal "$(status following)" 0
}

# interrupted SIGNAL: 200 readers that wait all end by it, within a second.
interrupted() {
    local ms
    rm -f "$TMP/go"
    mkfifo "$TMP/go"
    crowd "$MNT/follow" 200 "$1" <"$TMP/go" >"$TMP/crowd" &
    local crowd=$!
    exec 3>"$TMP/go"
    wait_for 60 grep -q waiting "$TMP/crowd"
    echo go >&3
    exec 3>&-
    wait "$crowd"
    ms=$(tail -n 1 "$TMP/crowd")
    ((ms < 3000)) || fail "200 readers took $ms ms to end by signal $1"
    wait_for 5 following 0
}

test_all_are_interrupted() {
    mount_log
    interrupted 2
    interrupted 9
    append 1 1
    equal "$(cat "$MNT/records/0")" "record 1"
}

# Whoever retention overtook is told once, and goes on with the oldest.
test_overrun() {
    mount_log -o max_store=1K
    append 1 5
    mkdir "$MNT/cursors/a"
    append 6 500
    python3 - "$MNT" <<'END'
import errno, os, sys
mnt = sys.argv[1]
fd = os.open(mnt + "/cursors/a/follow", os.O_RDONLY)
assert os.read(fd, 20) == b"record 1\nrecord 2\n"
os.rmdir(mnt + "/segments/" + min(os.listdir(mnt + "/segments")))
late = os.open(mnt + "/cursors/a/follow", os.O_RDONLY)
oldest = min(int(n) for n in os.listdir(mnt + "/records"))
for f in (fd, late):
    try:
        sys.exit("not told: %r" % os.read(f, 20))
    except OSError as e:
        assert e.errno == errno.EPIPE, e
    line = b"record %d\n" % (oldest + 1)
    assert os.read(f, len(line)) == line
    rest = b"".join(b"record %d\n" % n for n in range(oldest + 2, 501))
    assert os.read(f, 100000) == rest
END
}

# A damaged record is told of once, and passed.
test_damage() {
    mount_log
    append 1 5
    mkdir "$MNT/cursors/a"
    unmount_log
    # "record 3": 2 * (8 + 9) + 8 bytes in.
    printf X | dd of="$LOG/$segment0/store" bs=1 seek=45 conv=notrunc \
        status=none
    mount_log
    python3 - "$MNT/cursors/a/follow" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
got = []
while sum(map(len, got)) < 36:
    try:
        got.append(os.read(fd, 1000))
    except OSError as e:
        got.append(errno.errorcode[e.errno].encode())
assert got == [b"record 1\nrecord 2\n", b"EIO", b"record 4\nrecord 5\n"], got
END
    fails cat "$MNT/log" >/dev/null 2>&1
    # The message says where to read on.
    contains "$(cat "$TMP/daemon")" \
        'store: record 2, byte 34: .*; read on with a cursor at 3, or -o dam'
    remount_log -o damaged=skip
    printf 'record 1\nrecord 2\n        \nrecord 4\nrecord 5\n' >"$TMP/want"
    cmp "$TMP/want" "$MNT/log"
    cmp "$TMP/want" "$MNT/cursors/a/log"
    head -n 5 "$MNT/cursors/a/follow" | cmp "$TMP/want" -
    expect_errno EIO read "$MNT/records/2"
    remount_log -o damaged=skip,damaged=error
    fails cat "$MNT/log" >/dev/null 2>&1
}

# What README says to read behind it with.
test_damage_and_a_cursor() {
    mount_log
    append 1 5
    unmount_log
    printf X | dd of="$LOG/$segment0/store" bs=1 seek=45 conv=notrunc \
        status=none
    mount_log
    readme_lines 'mkdir cursors/rest' >"$TMP/readme"
    fails cat "$MNT/log" >/dev/null 2>&1
    (cd "$MNT" && N=2 bash -e "$TMP/readme") >"$TMP/rest"
    equal "$(cat "$TMP/rest")" $'record 4\nrecord 5'
}

# mount_with_timeout SECONDS: this mount alone is one whose requests the kernel
# wants answered in so long.
mount_with_timeout() {
    local before
    before=$(cat "$timeout_file")
    echo "$1" >"$timeout_file"
    mount_log
    echo "$before" >"$timeout_file"
}

# Else the kernel would end the connection, for one reader that waits, or one
# who waits for a lock.
test_a_kernel_that_does_not_wait() {
    local timeout_file=/proc/sys/fs/fuse/default_request_timeout
    local reader locker late
    if ((EUID != 0)) || [[ ! -w $timeout_file ]]; then return 0; fi
    mount_with_timeout 15
    mkdir "$MNT/cursors/a"
    exec 3<"$MNT/cursors/a/offset"
    flock 3
    timeout 60 perl -MFcntl=:flock -e 'open(F, "<", $ARGV[0]) or die;
        flock(F, LOCK_EX) or print $!{EWOULDBLOCK} ? "EWOULDBLOCK" : $!' \
        "$MNT/cursors/a/offset" >"$TMP/locked" 3<&- &
    locker=$!
    head -n 1 "$MNT/follow" >"$TMP/followed" 3<&- &
    late=$!
    sys read "$MNT/follow" </dev/null >"$TMP/read" 3<&- &
    reader=$!
    wait "$locker" || true
    wait "$reader" || true
    equal "$(cat "$TMP/locked") $(cat "$TMP/read")" "EWOULDBLOCK EINTR"
    sleep "$((40 * ${CLOG_LONG:-0}))"
    exec 3<&-
    flock "$MNT/cursors/a/offset" true
    append 1 1
    wait "$late"
    equal "$(cat "$TMP/followed")" "record 1"
}

test_unmounting_answers_all() {
    mount_log
    for _ in {1..20}; do
        cat "$MNT/follow" 2>>"$TMP/error" &
    done
    wait_for 10 following 20
    kill -TERM "$daemon"
    daemon_ends
    wait_for 5 no_children
    contains "$(cat "$TMP/error")" 'not connected'
    mount_log
    (cat "$MNT/follow" 2>/dev/null || true) &
    wait_for 10 following 1
    kill_daemon
    wait_for 5 no_children
}

no_children() {
    [[ -z $(jobs -r) ]]
}

# Opened and never read, or slow: it holds up nobody.
test_a_reader_that_does_not_read() {
    mount_log -o max_store=16K,retain_bytes=64K
    exec 3<"$MNT/follow"
    append 1 20000
    wait_for 3 eval '(($(status stored_bytes) < 70000))'
    equal "$(status pinned_segments)" 0
    fails head -c 1 <&3 2>/dev/null
    exec 3<&-
}

run_tests
