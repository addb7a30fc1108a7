# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Trees of Debian releases, for tests that need another system than this one.
# Sourced. Needs root, and Debian's archive to make them.
#
#     tree_of RELEASE         a bare system, made once; prints its directory
#     inside DIRECTORY SCRIPT [ARGUMENT...]
#                             runs SCRIPT there, by bash -euo pipefail, as if
#                             it were alone: nothing that it does stays, but
#                             in /out
#     keep DIRECTORY SCRIPT   the same, and what it does stays
#
# From the environment: TREES, where they are kept; OUT, which is /out inside.

set -euo pipefail
SOURCE=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
TREES=${TREES:-$SOURCE/build/trees}
OUT=${OUT:-$SOURCE/build/trees/out}
mirror=http://deb.debian.org/debian

tree_of() {
    local dir=$TREES/$1
    if [[ ! -e $dir.done ]]; then
        mkdir -p "$TREES"
        rm -rf --one-file-system "$dir"
        debootstrap --variant=minbase "$1" "$dir" "$mirror" >"$dir.log" 2>&1 ||
            {
                tail -n 5 "$dir.log" >&2
                return 1
            }
        touch "$dir.done"
    fi
    echo "$dir"
}

# In namespaces of its own: mounts, and processes, that end with it.
enter() {
    mkdir -p "$OUT"
    unshare --mount --pid --fork --kill-child --propagation private \
        bash -euo pipefail "$SOURCE/tests/package/enter.sh" "$@" </dev/null
}

inside() {
    enter overlay "$OUT" "$@"
}

keep() {
    enter direct "$OUT" "$@"
}

# with_packages NAME RELEASE PACKAGE...: a tree with these, made once.
with_packages() {
    local dir=$TREES/$1 bare
    if [[ ! -e $dir.done ]]; then
        bare=$(tree_of "$2") || return
        rm -rf --one-file-system "$dir"
        cp -a "$bare" "$dir"
        keep "$dir" '
            apt-get update
            apt-get install -y --no-install-recommends "$@"
        ' "${@:3}" >"$dir.log" 2>&1 || {
            tail -n 5 "$dir.log" >&2
            return 1
        }
        touch "$dir.done"
    fi
    echo "$dir"
}
