#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# What each tool costs, in requests from the kernel. It has to find the names
# first, which is done once, ahead; and going to the mount is one request.
prepare() {
    mount_counted "$@"
    text 1000 >>"$MNT/append"
    ls "$MNT" "$MNT/records" >/dev/null
    cat "$MNT/status" >/dev/null
    forget_requests
}

anything="[A-Z_]*"

# costs N COMMAND: it makes at most N requests of any kind.
costs() {
    forget_requests
    (cd "$MNT" && bash -euc "$2") >/dev/null
    sleep 0.05
    at_most "$1" "$anything"
}

test_the_figures_are_counted() {
    prepare
    forget_requests
    cat "$MNT/records/5" >/dev/null
    equal "$(requests OPEN READ)" 2
    equal "$(requests LOOKUP)" 0
    cat "$MNT/records/900" >/dev/null
    equal "$(requests LOOKUP)" 1
    forget_requests
    equal "$(requests "$anything")" 0
}

# lines_of BYTES: lines, and part of one.
lines_of() {
    seq -f 'line %.0f' 10000000 19999999 2>/dev/null | head -c "$1" || true
}

test_appending() {
    prepare
    costs 5 'echo x >>append'
    costs 5 'echo x >>append'
    costs 5 'echo x >append'
    equal "$(requests WRITE)" 1
    costs 104 'exec 3>>append; for i in {1..100}; do echo "$i" >&3; done'
    equal "$(requests WRITE)" 100
}

# 1 MiB a request and no less, whatever the size of the writes.
test_large_writes() {
    prepare
    lines_of 8388610 >"$TMP/large"
    costs 12 "dd if=$TMP/large of=append bs=4M oflag=append conv=notrunc \
        status=none iflag=fullblock"
    equal "$(requests WRITE)" 9
    costs 70 "cat $TMP/large >>append"
    costs 140 "cp $TMP/large append"
}

test_small_pieces() {
    prepare
    text 1000 >"$TMP/text"
    forget_requests
    pieces writev "$MNT/append" 10 <"$TMP/text"
    at_most $((2 + 2 * $(stat -c %s "$TMP/text") / 2560)) WRITE
}

test_io_uring_does_not_poll() {
    prepare
    text 500 >"$TMP/text"
    forget_requests
    pieces uring "$MNT/append" 100 <"$TMP/text"
    equal "$(requests WRITE)" $((($(stat -c %s "$TMP/text") + 99) / 100))
    at_most 1 POLL
}

test_reading_a_record() {
    prepare
    costs 4 'cat records/7'
    costs 3 'cat records/7'
    equal "$(requests READ)" 0 "reads of what is in the cache"
    costs 3 'cat records/7'
    costs 1 'stat records/8 records/8 records/8'
    costs 0 'stat records/8 records/8 records/8'
}

test_following_last() {
    prepare
    costs 11 'echo x >>append; cat last'
}

# A listing with everything about each: one request for some two hundred, and
# one question about attributes altogether, not one for each.
test_listing() {
    prepare
    costs 16 'ls -l records'
    equal "$(requests GETXATTR LOOKUP)" "$(requests GETXATTR)"
    at_most 2 GETXATTR
    costs 14 'ls records'
    costs 70 'ls -l . segments/*'
    costs 12 'du -s records'
    costs 8 'ls -U records | head -n 3'
}

test_the_log() {
    prepare
    lines_of 8388610 >>"$MNT/append"
    # Bytes come as they are asked for, by 32 KiB; the size is not asked for.
    costs 300 'wc -c <log; md5sum log'
    at_most 260 READ
    costs 9 'tail -n 5 log'
    costs 9 'head -n 5 log'
}

# tail -f asks for the size, once each time it looks.
test_waiting() {
    prepare
    forget_requests
    timeout 2 tail -s 0.1 -f "$MNT/log" >/dev/null || true
    at_most 40 "$anything"
}

test_nobody_asks_for_what_is_known() {
    prepare
    costs 2 'for i in {1..50}; do [[ -d records && -e append ]]; done'
    costs 105 'for i in {1..50}; do [[ -e records/99999 ]] || :; done'
}

run_tests
