# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
#
# What the tests of stalls share: disks that are slow or do not answer, and a
# look at all that does not need them.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
PATH=$(realpath "${HELPERS:?the directory of the helper programs}"):$PATH

# What a disk takes for each request, and what is too long for something that
# does not need it, in ms: far from each other, for machines that are busy.
slow=1000
bound=500

DISK=
LOG=

# make_disk SIZE: an ext4 on $DISK, whose device answers at once.
make_disk() {
    DISK=$TMP/disk
    LOG=$DISK/log
    mkdir "$DISK" "$TMP/device"
    truncate -s "$1" "$TMP/image"
    mkfs.ext4 -q -m 0 "$TMP/image"
    slowdisk "$TMP/image" "$TMP/device"
    mount -o loop "$TMP/device/disk" "$DISK"
}

# slow_down READ WRITE: from now on each takes so many ms.
slow_down() {
    echo "$1 $2" >"$TMP/device/delay"
}

# Nothing of the disk is in memory any more.
forget_all() {
    umount "$DISK"
    mount -o loop "$TMP/device/disk" "$DISK"
}

# freeze_disk SECONDS: in the background; $freezer is who thaws it.
freeze_disk() {
    mkfifo "$TMP/frozen"
    freeze "$DISK" "$1" >"$TMP/frozen" &
    freezer=$!
    grep -q frozen "$TMP/frozen"
    rm "$TMP/frozen"
}

# lines FIRST LAST: of 100 bytes each.
lines() {
    seq -f '%099.0f' "$1" "$2"
}

# in_time SECONDS [THING...]: everything goes on meanwhile (see latency.c).
in_time() {
    latency "$MNT" "$1" "$bound" "${@:2}" >"$TMP/latency" ||
        fail "$(grep -F 'too long' "$TMP/latency")"
}

# make_log LINES [OPTION...]: with a cursor c, unmounted again, and cold.
make_cold_log() {
    mount_log "${@:2}"
    lines 0 $(($1 - 1)) | dd of="$MNT/append" bs=1M iflag=fullblock status=none
    mkdir "$MNT/cursors/c"
    unmount_log
    forget_all
}

# warm_up: what is new, and what the things that are in time look at.
warm_up() {
    lines 1 10 >>"$MNT/append"
    latency "$MNT" 0.5 100000 all append >/dev/null
}

# still_running PID...: they wait.
still_running() {
    local pid
    for pid; do
        kill -0 "$pid" 2>/dev/null || fail "it did not wait"
    done
}

# usually NAME...: the tests to run unless CLOG_LONG is set or one is asked for.
usually() {
    if [[ -z ${CLOG_LONG-}${TEST-} ]]; then
        TEST="^test_($(IFS='|' && echo "$*"))$"
    fi
}

((EUID == 0)) || {
    echo "skipped: only root can slow down a disk"
    exit 77
}
