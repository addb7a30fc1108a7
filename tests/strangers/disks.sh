#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A log on filesystems that others have made: each its own way of refusing.

# use_twice LOGDIR: it works, whatever modes mean there.
use_twice() {
    visit use "$1" "$count" >"$TMP/said" || fail "$(cat "$TMP/said")"
    contains "$(cat "$TMP/said")" 'cannot read 0$'
    visit use "$1" 0 >"$TMP/said" || fail "$(cat "$TMP/said")"
}

# The log in the lower layer, as in a container's image: no directory of it
# can be renamed.
test_the_lower_layer_of_an_overlay() {
    make_fresh
    mkdir "$DISK"/{lower,upper,work,overlay}
    mv "$DISK/fresh" "$DISK/lower/log"
    picture "$DISK/lower" >"$TMP/before"
    mount -t overlay overlay "$DISK/overlay" -o \
        "lowerdir=$DISK/lower,upperdir=$DISK/upper,workdir=$DISK/work"
    use_twice "$DISK/overlay/log"
    picture "$DISK/lower" | cmp - "$TMP/before"
}

# All of it in the upper one.
test_an_overlay() {
    make_fresh
    mkdir "$DISK"/{lower,upper,work,overlay}
    mount -t overlay overlay "$DISK/overlay" -o \
        "lowerdir=$DISK/lower,upperdir=$DISK/upper,workdir=$DISK/work"
    visit make "$DISK/overlay/log" "$count"
    use_twice "$DISK/overlay/log"
}

# make_fat: FAT on $DISK/fat, as the kernel knows it, or else by its rules: no
# owners, one mode, no links.
make_fat() {
    DISK=$TMP/disk
    mkdir -p "$DISK/fat" "$DISK/files"
    truncate -s 64M "$DISK/image"
    if mkfs.vfat "$DISK/image" && mount -o loop "$DISK/image" "$DISK/fat"; then
        return
    fi >/dev/null 2>&1
    plainfs "$DISK/files" "$DISK/fat"
}

test_fat() {
    make_fat
    visit make "$DISK/fat/log" "$count" || fail "it cannot be made"
    use_twice "$DISK/fat/log"
    visit look "$DISK/fat/log" 0 >"$TMP/said"
}

# A log that was copied there.
test_a_copy_on_fat() {
    make_fat
    visit make "$TMP/fresh" "$count"
    cp -r "$TMP/fresh" "$DISK/fat/log"
    use_twice "$DISK/fat/log"
}

test_read_only() {
    make_fresh
    mount -o remount,ro "$DISK"
    visit look "$DISK/fresh" "$count" >"$TMP/said"
    fails visit use "$DISK/fresh" "$count" >"$TMP/said"
    contains "$(cat "$TMP/said")" 'ead-only'
    mkdir "$MNT"
    fails "$CLOG" "$DISK/fresh" "$MNT" 2>"$TMP/said"
    contains "$(cat "$TMP/said")" 'ead-only'
    fails "$CLOG" "$DISK/new" "$MNT" 2>"$TMP/said"
    contains "$(cat "$TMP/said")" 'ead-only'
}

((EUID == 0)) || {
    echo "skipped: only root can mount"
    exit 77
}
run_tests
