#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# Ten thousand lines of many lengths, an empty one among them, and bytes that
# are no text.
make_text() {
    awk 'BEGIN {
        for (i = 0; i < 10000; i++)
            printf "%d %s\n", i, substr("the quick brown fox\377 jumps\t over" \
                " the lazy dog", 1, (i * 7919) % 60)
    }'
    echo
    echo end
}

# becomes COMMAND...: run in the mount with $F at hand, it appends F.
becomes() {
    local F=$TMP/text
    make_text >"$F"
    mount_log
    (cd "$MNT" && F=$F bash -euc "$1")
    cmp "$MNT/log" "$F"
    equal "$(status next)" "$(wc -l <"$F")"
    cmp "$MNT/records/4711" <(sed -n 4712p "$F")
    oracle "$MNT/segments" "$(status next)" | cmp - "$F"
}

test_cat() {
    becomes 'cat "$F" >> append'
}

test_tee() {
    becomes 'tee -a append < "$F" > /dev/null'
}

test_tee_without_append() {
    becomes 'tee append < "$F" > /dev/null'
}

test_cp() {
    becomes 'cp "$F" append'
}

test_dd_of_seven_bytes() {
    becomes 'dd if="$F" of=append bs=7 conv=notrunc status=none'
}

test_dd_of_a_mebibyte() {
    becomes 'dd if="$F" of=append bs=1M oflag=append conv=notrunc status=none'
}

test_a_loop_of_read() {
    becomes 'while IFS= read -r line; do
            printf "%s\n" "$line"
        done < "$F" >> append'
}

test_a_loop_that_opens_each_time() {
    mount_log
    for i in {1..500}; do
        echo "line $i" >>"$MNT/append"
        equal "$(cat "$MNT/last")" "line $i"
    done
    equal "$(status next)" 500
}

test_truncating_redirection_appends() {
    mount_log
    echo one >"$MNT/append"
    echo two >"$MNT/append"
    equal "$(cat "$MNT/log")" $'one\ntwo'
}

test_python_logging() {
    mount_log
    python3 - "$MNT/append" <<'END'
import logging, sys
logging.basicConfig(filename=sys.argv[1], format="%(levelname)s %(message)s")
for i in range(1000):
    logging.warning("number %d", i)
END
    seq -f 'WARNING number %.0f' 0 999 | cmp - "$MNT/log"
    equal "$(status next)" 1000
}

# An unbuffered stderr: many small writes a line.
test_c_stderr() {
    mount_log
    cat >"$TMP/p.c" <<'END'
#include <stdio.h>
int main(void)
{
    for (int i = 0; i < 1000; i++)
        fprintf(stderr, "%s: %d of %c%s", "number", i, 'x', "\n");
}
END
    "${CC:-cc}" -o "$TMP/p" "$TMP/p.c"
    "$TMP/p" 2>>"$MNT/append"
    seq -f 'number: %.0f of x' 0 999 | cmp - "$MNT/log"
    equal "$(status next)" 1000
}

# writers MODE: eight of them, ten thousand lines each.
eight_writers() {
    local lines=10000 w
    mount_log
    writers "$1" "$MNT/append" "$lines"
    equal "$(status next)" $((8 * lines))
    cp "$MNT/log" "$TMP/all"
    equal "$(wc -l <"$TMP/all")" $((8 * lines)) "whole lines"
    for w in {0..7}; do
        grep "^w$w " "$TMP/all" | cmp - <(writers print "$w" "$lines")
    done
    oracle "$MNT/segments" $((8 * lines)) | cmp - "$TMP/all"
}

test_eight_writers_on_one_descriptor() {
    eight_writers inherited
}

test_eight_writers_on_their_own() {
    eight_writers own
}

test_a_line_in_two_writes() {
    mount_log
    exec 3>>"$MNT/append"
    printf par >&3
    equal "$(status next)" 0 "records before the newline"
    printf 'tial\n' >&3
    equal "$(status next)" 1
    equal "$(record 0)" partial
    exec 3>&-
}

# Each of them closes a copy of the descriptor in the middle of the line.
test_a_line_by_children() {
    mount_log
    exec 3>>"$MNT/append"
    (printf one >&3)
    (printf ' two' >&3)
    /bin/echo ' three' >&3
    equal "$(cat "$MNT/log")" "one two three"
    equal "$(status next)" 1
    exec 3>&-
}

test_an_unfinished_line_ends_at_close() {
    mount_log
    printf 'whole\nhalf' >>"$MNT/append"
    wait_for 5 test -e "$MNT/records/1"
    equal "$(record 1)" half
    equal "$(stat -c %s "$MNT/records/1")" 4
}

test_an_unfinished_line_ends_at_fsync() {
    mount_log
    exec 3>>"$MNT/append"
    printf half >&3
    python3 -c 'import os; os.fsync(3)'
    equal "$(record 0)" half
    printf 'other\n' >&3
    exec 3>&-
    equal "$(cat "$MNT/records/1")" other
}

test_two_unfinished_lines_stay_apart() {
    mount_log
    exec 3>>"$MNT/append" 4>>"$MNT/append"
    printf 'a' >&3
    printf 'b' >&4
    printf 'a\n' >&3
    printf 'b\n' >&4
    exec 3>&- 4>&-
    equal "$(cat "$MNT/log")" $'aa\nbb'
    equal "$(status next)" 2
}

test_the_bound_of_a_line() {
    mount_log -o max_record=1000
    head -c 999 /dev/zero | tr '\0' x >"$TMP/line"
    echo >>"$TMP/line"
    equal "$(sys write "$MNT/append" w <"$TMP/line")" 1000
    (printf x && cat "$TMP/line") >"$TMP/long"
    equal "$(sys write "$MNT/append" w <"$TMP/long" || true)" EMSGSIZE
    equal "$(status next)" 1
    (cat "$TMP/line" "$TMP/long" "$TMP/line") >"$TMP/three"
    equal "$(sys write "$MNT/append" w <"$TMP/three" || true)" EMSGSIZE
    equal "$(status next)" 1 "nothing of the refused write"
    check_log "$TMP/line" 1
}

# What was held when the bound was passed becomes a record by itself.
test_the_bound_of_a_held_line() {
    mount_log --max_record=1000
    exec 3>>"$MNT/append"
    printf held >&3
    (head -c 997 /dev/zero | tr '\0' x && echo) >"$TMP/long"
    equal "$(sys write /proc/self/fd/3 w <"$TMP/long" || true)" 998
    fails python3 -c 'import os, sys
os.write(3, open(sys.argv[1], "rb").read())' "$TMP/long"
    equal "$(record 1)" held
    printf 'next\n' >&3
    exec 3>&-
    equal "$(record 2)" next
    equal "$(status next)" 3
}

test_the_largest_line() {
    mount_log
    (head -c 1044479 /dev/zero | tr '\0' y && echo) >"$TMP/line"
    cat "$TMP/line" >>"$MNT/append"
    equal "$(status next)" 1
    check_log "$TMP/line" 1
    (printf y && cat "$TMP/line") >"$TMP/long"
    fails dd if="$TMP/long" of="$MNT/append" bs=64K conv=notrunc status=none
}

run_tests
