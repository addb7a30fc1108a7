# SPDX-License-Identifier: MIT
# shellcheck shell=bash

# Can this process mount a FUSE filesystem? root needs the right to mount,
# which a container may not have; everybody else needs fusermount3.
fuse_usable() {
    { : <>/dev/fuse; } 2>/dev/null || return 1
    if ((EUID == 0)); then
        unshare --mount --propagation unchanged true
    else
        command -v fusermount3
    fi >/dev/null 2>&1
}
