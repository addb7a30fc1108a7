#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# attribute NAME [FILE]: its value.
attribute() {
    getfattr --only-values -n "user.clog.$1" "${2:-$MNT/records/2}"
}

names() {
    getfattr -d --absolute-names "$1" | sed -n 's/=.*//p' | sort |
        paste -sd ' '
}

prepare() {
    mount_log "$@"
    printf 'hello' >"$MNT/put"
    printf 'world' >"$MNT/put"
    printf 'foo' >"$MNT/put"
}

test_a_record() {
    prepare
    equal "$(names "$MNT/records/2")" "user.clog.crc32c user.clog.offset \
user.clog.position user.clog.segment user.clog.time"
    equal "$(attribute offset)" 2
    equal "$(attribute position)" 26
    equal "$(attribute segment)" 00000000000000000000
    equal "$(attribute time)" "$(stat -c %.9Y "$MNT/records/2")"
    equal "$(attribute crc32c)" \
        "$(tail -c 4 "$MNT/$segment0/stamps" | xxd -p)"
}

# They lead to the record's bytes in the store.
test_they_lead_to_the_bytes() {
    local i segment at
    mount_log -o max_store=1K
    text 200 >"$TMP/text"
    cat "$TMP/text" >>"$MNT/append"
    for i in 0 1 99 150 199; do
        segment=$(attribute segment "$MNT/records/$i")
        at=$(attribute position "$MNT/records/$i")
        equal "$(tail -c +$((at + 9)) "$MNT/segments/$segment/store" |
            head -n 1)" "$(sed -n $((i + 1))p "$TMP/text")"
    done
}

test_the_root() {
    prepare
    equal "$(names "$MNT")" user.clog.version
    equal "$(attribute version "$MNT")" \
        "$("$CLOG" --version | sed -n 's/^clog //p')"
}

test_others_have_none() {
    local file
    prepare
    for file in append put log records segments "$segment0" \
        "$segment0/store" status metrics.prom; do
        equal "$(names "$MNT/$file")" ""
        expect_errno ENODATA getxattr "$MNT/$file" user.clog.offset
    done
    expect_errno ENODATA getxattr "$MNT/records/0" user.clog.version
    expect_errno ENODATA getxattr "$MNT/records/0" user.clog.offsets
    expect_errno ENODATA getxattr "$MNT/records/0" user.clog.
}

test_other_namespaces() {
    local name file
    prepare
    for file in "$MNT" "$MNT/append" "$MNT/records/1" "$MNT/log"; do
        for name in user.other user.clog user.clogoffset security.capability \
            system.posix_acl_access trusted.other; do
            if ((EUID == 0)) || [[ $name != trusted.* ]]; then
                expect_errno EOPNOTSUPP getxattr "$file" "$name"
            fi
        done
        expect_errno EOPNOTSUPP setxattr "$file" user.clog.offset
        expect_errno EOPNOTSUPP setxattr "$file" user.other
        fails setfattr -x user.clog.offset "$file" 2>"$TMP/errors"
    done
    equal "$(attribute offset)" 2
}

# A record without a stamp has no checksum to show.
test_without_a_checksum() {
    prepare
    unmount_log
    rm "$LOG/$segment0/stamps"
    mount_log
    equal "$(names "$MNT/records/2")" "user.clog.offset user.clog.position \
user.clog.segment user.clog.time"
    expect_errno ENODATA getxattr "$MNT/records/2" user.clog.crc32c
    equal "$(attribute position)" 26
}

test_copies_keep_them() {
    prepare
    getfattr -d "$MNT/records/1" --absolute-names | tail -n +2 >"$TMP/want"
    : >"$TMP/probe"
    setfattr -n user.probe -v x "$TMP/probe" 2>/dev/null || return 0
    cp --preserve=xattr "$MNT/records/1" "$TMP/copy"
    getfattr -d "$TMP/copy" --absolute-names | tail -n +2 | cmp - "$TMP/want"
}

# Python asks for the size first.
test_python() {
    prepare
    python3 - "$MNT/records/2" <<'END'
import os, sys
names = os.listxattr(sys.argv[1])
assert sorted(names) == ["user.clog." + n for n in
                         ("crc32c", "offset", "position", "segment", "time")]
assert os.getxattr(sys.argv[1], "user.clog.offset") == b"2"
END
}

run_tests
