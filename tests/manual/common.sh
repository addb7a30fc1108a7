# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
#
# What the tests of manual, completions and units share: the options, as each
# of these has them, one a line, sorted; sync=SECONDS is sync=.

. "$(dirname "$0")/../support/mount.sh"
needs_fuse=no

# Where meson has put what it built.
pages=${BUILD:?}/fs
completions=$SOURCE/scripts/completions

# Of lines that begin with options, "-h, --help   print this", the options.
options() {
    sed -E 's/^ +//; s/ {2,}.*//; s/\[.*//' | tr -s ', ' '\n' |
        sed -E 's/=[A-Z]+$/=/' | sort -u
}

# of_help PROGRAM: those that it prints.
of_help() {
    "$1" --help | grep -E '^  (-|[a-z_]+(=[A-Za-z_]+)?(,|  |$))' |
        sed 's/ OPTION.*//' | options
}

# of_manual PAGE: the heads of entries in its sections of options.
of_manual() {
    sed -n '/^# \(MOUNT \)\?OPTIONS$/,/^# [^MO]/p' "$SOURCE/fs/$1.scd" |
        awk '/^\t/ && head ~ /^\*/ { print head } { head = $0 }' |
        sed -E 's/_(option_.*)//; s/[*_]([A-Z]+)_/\1/g; s/\*//g' | options
}

same_options() {
    [[ $(wc -l <<<"$1") -ge 5 ]] || fail "$3: no options found"
    diff <(echo "$1") <(echo "$2") || fail "$3: other options"
}
