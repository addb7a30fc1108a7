#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# The installed library is what somebody else's program sees of it.
install_into() {
    meson install -C "$BUILD" --no-rebuild --destdir "$1" >"$TMP/install"
    config=$(find "$1" -name clog.pc)
    [[ -n $config ]] || fail "no clog.pc"
}

flags() {
    PKG_CONFIG_PATH=$(dirname "$config") PKG_CONFIG_SYSROOT_DIR=$TMP/dest \
        pkg-config "$@" clog
}

# The example of README, as a whole program.
extract_example() {
    sed -n '/^```c$/,/^```$/p' "$SOURCE/README.md" | sed '1d; /^```$/,$d'
}

# A library that was built with sanitizers needs them in its user, too.
compile() {
    local flags=()
    [[ ${SANITIZE:?} == none ]] || flags=("-fsanitize=$SANITIZE")
    "$CC" -std=c17 -pedantic -Wall -Wextra -Werror -Wstrict-prototypes \
        "${flags[@]}" "$@"
}

test_files() {
    local lib
    install_into "$TMP/dest"
    lib=$(dirname "$(dirname "$config")")
    [[ -f $lib/libclog.a ]] || fail "no static library"
    [[ -L $lib/libclog.so && -e $lib/libclog.so.0 ]] ||
        fail "no shared library"
    [[ -n $(find "$TMP/dest" -path '*/include/clog.h') ]] || fail "no header"
    [[ -n $(find "$TMP/dest" -path '*/bin/clog' -perm -755) ]] ||
        fail "no daemon"
    equal "$(flags --modversion)" "$("$CLOG" --version |
        sed -nE 's/^clog (version )?//p')"
}

test_what_is_exported() {
    local library declared exported
    install_into "$TMP/dest"
    library=$(find "$TMP/dest" -name libclog.so.0)
    exported=$(nm -D --defined-only "$library" | awk '$2 == "T" { print $3 }' |
        sed 's/@.*//' | sort)
    declared=$(sed 's|/\*.*||; /^ \*/d' "$SOURCE/core/clog.h" |
        grep -oE '\bclog_[a-z_]+\(' | tr -d '(' | sort -u)
    equal "$exported" "$declared" "exported symbols"
}

test_the_example() {
    local library
    install_into "$TMP/dest"
    library=$(dirname "$(dirname "$config")")
    extract_example >"$TMP/example.c"
    [[ -s $TMP/example.c ]] || fail "no example in README.md"
    # shellcheck disable=SC2046 # flags are words
    compile -o "$TMP/example" "$TMP/example.c" $(flags --cflags --libs)
    cd "$TMP"
    mkdir home
    HOME=$TMP/home LD_LIBRARY_PATH=$library "$TMP/example" "$LOG" \
        >"$TMP/output"
    [[ -s $TMP/output ]] || fail "the example prints nothing"
}

test_linking_the_static_library() {
    local library
    install_into "$TMP/dest"
    library=$(dirname "$(dirname "$config")")
    cat >"$TMP/version.c" <<'END'
#include <clog.h>
#include <stdio.h>

int main(void)
{
    puts(clog_version());
    return 0;
}
END
    # shellcheck disable=SC2046
    compile -o "$TMP/version" "$TMP/version.c" $(flags --cflags) \
        "$library/libclog.a" $(pkg-config --libs libisal) -pthread
    equal "$("$TMP/version")" "$(flags --modversion)"
}

run_tests
