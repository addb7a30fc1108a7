# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Installs what is missing. Sourced by run and test.
#
#     need "PROBE PACKAGE"...
#
# PROBE is `cmd:NAME`, a command, `pc:NAME`, a pkg-config module, `inc:NAME`, a
# header, or `rt:NAME`, a file of clang's runtime; PACKAGE is the Debian package
# that brings it. Probes rather than dpkg, so that what was
# installed in another way counts, and a system without apt can do without it.

# shellcheck disable=SC2034 # used by those that source this
build_packages=(
    "cmd:gcc gcc"
    "inc:stdio.h libc6-dev"
    "cmd:pkg-config pkg-config"
    "cmd:meson meson"
    "cmd:ninja ninja-build"
    "pc:fuse3 libfuse3-dev"
    "pc:libisal libisal-dev"
    "cmd:fusermount3 fuse3"
    "cmd:findmnt util-linux"
)

is_there() {
    case $1 in
    cmd:*) command -v "${1#*:}" ;;
    pc:*) pkg-config --exists "${1#*:}" ;;
    inc:*) echo "#include <${1#*:}>" | gcc -E - ;;
    rt:*) [[ -e $(clang-14 --print-resource-dir)/lib/linux/${1#*:} ]] ;;
    esac >/dev/null 2>&1
}

# Prints the packages of those of its arguments that are missing.
missing() {
    local need
    for need; do
        is_there "${need% *}" || echo "${need#* }"
    done
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "not root, and there is no sudo: run as root: $*" >&2
        return 1
    fi
}

# What apt-get says matters only if it fails.
apt() {
    local output
    output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null) || {
        echo "$output" >&2
        return 1
    }
}

need() {
    local packages
    mapfile -t packages < <(missing "$@")
    ((${#packages[@]})) || return 0
    if ! command -v apt-get >/dev/null; then
        echo "${0##*/}: missing here, by the names of Debian's packages:" \
            "${packages[*]}" >&2
        echo "There is no apt-get: please install them in this system's way." \
            >&2
        return 1
    fi
    echo "installing ${packages[*]}"
    apt update && apt install -y --no-install-recommends "${packages[@]}" &&
        mapfile -t packages < <(missing "$@") || return 1
    if ((${#packages[@]})); then
        echo "${0##*/}: installed, and still not there: ${packages[*]}" >&2
        return 1
    fi
}
