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

# globals ARCHIVE: the names that its objects give to whoever links them.
globals() {
    nm --defined-only "$1" | awk '$2 ~ /^[A-Z]$/ { print $3 }' | sort
}

declared() {
    sed 's|/\*.*||; /^ \*/d' "$SOURCE/core/clog.h" |
        grep -oE '\bclog_[a-z_]+\(' | tr -d '(' | sort -u
}

test_what_is_exported() {
    local library exported
    install_into "$TMP/dest"
    library=$(dirname "$(dirname "$config")")
    exported=$(nm -D --defined-only "$library/libclog.so.0" |
        awk '$2 == "T" { print $3 }' | sed 's/@.*//' | sort)
    equal "$exported" "$(declared)" "symbols of the shared library"
    equal "$(globals "$library/libclog.a")" "$(declared)" \
        "symbols of the static library"
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

# A program may have any name that the library has inside: here one has all of
# them, and ends if the library takes one of these for its own.
name_everything() {
    echo '#include <stdlib.h>'
    globals "$BUILD/core/libcore.a" | grep -E '^[a-z]' | grep -v '^clog_' |
        sed 's/.*/void &(void);\nvoid &(void)\n{\n    abort();\n}/'
}

link_statically() {
    local library=$1
    shift
    # shellcheck disable=SC2046 # flags are words
    compile -o "$@" $(flags --cflags) "$library" \
        $(flags --libs --static | sed 's/-lclog//')
}

test_linking_the_static_library() {
    local library
    install_into "$TMP/dest"
    library=$(dirname "$(dirname "$config")")
    extract_example >"$TMP/example.c"
    name_everything >"$TMP/names.c"
    (($(grep -c abort "$TMP/names.c") > 100)) || fail "hardly any names"

    cd "$TMP"
    fails link_statically "$BUILD/core/libcore.a" \
        all-names example.c names.c 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" 'multiple definition of'

    link_statically "$library/libclog.a" example example.c names.c
    "$TMP/example" "$LOG" >"$TMP/output"
    equal "$(cat "$TMP/output")" "record 1: world"
    "$TMP/example" "$LOG" >"$TMP/output"
    equal "$(cat "$TMP/output")" "record 3: world"
    "$(dirname "$CLOG")/clog-verify" "$LOG" >"$TMP/verified"
}

run_tests
