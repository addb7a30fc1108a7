# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests of this suite share. HELPERS is where its C programs are,
# CLOCK the clock that can be loaded into the daemon.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
PATH=$(realpath "${HELPERS:?the directory of the helper programs}"):$PATH

# drops CAUSE: how many segments were dropped for it.
drops() {
    status "drops_by_$1"
}

# oldest_is N
oldest_is() {
    [[ $(status oldest) == "$1" ]]
}

# append FIRST LAST: a write for each of the lines "record N".
append() {
    local n
    for ((n = $1; n <= $2; n++)); do
        echo "record $n"
    done >>"$MNT/append"
}

# readme_lines TEXT: the indented lines of README that have TEXT in them.
readme_lines() {
    awk -v text="$1" '
        /^    / { block = block $0 "\n"; if (index($0, text)) found = 1; next }
        found { exit }
        { block = "" }
        END { if (found) printf "%s", block }' "$SOURCE/README.md" >"$TMP/block"
    [[ -s $TMP/block ]] || fail "README has no lines with $1"
    cat "$TMP/block"
}

# readme_block TEXT: the block of code in README that has TEXT in it.
readme_block() {
    awk -v text="$1" '
        /^```/ { inside = !inside; if (!inside && found) exit
                 if (inside) block = ""; next }
        inside { block = block $0 "\n"; if (index($0, text)) found = 1 }
        END { printf "%s", block }' "$SOURCE/README.md" >"$TMP/block"
    [[ -s $TMP/block ]] || fail "README has no block with $1"
    cat "$TMP/block"
}
