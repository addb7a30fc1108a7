#!/bin/bash
# SPDX-License-Identifier: MIT
#
#     full.sh FILESYSTEM FILL           runs the program fill on a small one
#     full.sh FILESYSTEM FILL control   ... which must complain
#
# FILESYSTEM is tmpfs, ext4, xfs, btrfs, quota or limit: for quota, a btrfs
# with a limit on a part of it; for limit, a limit on files' sizes.
set -uo pipefail

kind=$1 fill=$2 expected=0 small=
[[ ${3-} == control ]] && expected=1
base=$(mktemp -d "${TMPDIR:-/tmp}/clog-test.XXXXXX")
disk=$base/disk
mkdir "$disk"
trap 'umount "$disk" 2>/dev/null; rm -rf --one-file-system "$base"' EXIT

skip() {
    echo "skipped: $*"
    exit 77
}

# make_image SIZE MKFS...: a filesystem in a file, mounted.
make_image() {
    truncate -s "$1" "$base/image"
    command -v "$2" >/dev/null || skip "$2 is not installed"
    if ! "${@:2}" "$base/image" >"$base/mkfs" 2>&1 ||
        ! mount -o loop "$base/image" "$disk"; then
        skip "no $kind can be mounted"
    fi
}

# One that allows no limits is said to be so.
limit_btrfs() {
    btrfs quota enable "$disk" && btrfs subvolume create "$disk/small" &&
        btrfs qgroup limit 4M "$disk/small"
}

((EUID == 0)) || skip "only root can make small filesystems"
case $kind in
tmpfs) mount -t tmpfs -o size=4M none "$disk" || skip "no tmpfs" ;;
ext4) make_image 8M mkfs.ext4 -q -m 0 ;;
xfs)
    make_image 300M mkfs.xfs -q
    # It cannot be made smaller, so most of it is taken.
    free=$(df --output=avail -k "$disk" | tail -n 1)
    fallocate -l "$((free - 12 * 1024))K" "$disk/filler"
    ;;
btrfs) make_image 120M mkfs.btrfs -q ;;
quota)
    make_image 200M mkfs.btrfs -q
    limit_btrfs >"$base/limit" 2>&1 || skip "this kernel has no quotas"
    small=/small
    ;;
limit) mount -t tmpfs -o size=64M none "$disk" || skip "no tmpfs" ;;
esac

status=0
"$fill" "$disk$small" "$kind" || status=$?
if ((status == expected)); then
    echo "ok full ${*:3} $kind"
else
    echo "not ok full ${*:3} $kind"
    exit 1
fi
