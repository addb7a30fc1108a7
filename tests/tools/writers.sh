#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# writes COMMAND: run by bash in the mount, it appends the text $F.
writes() {
    local F=$TMP/text
    text "${lines:-2000}" >"$F"
    mount_log
    (cd "$MNT" && F=$F bash -euc "$1")
    holds "$F"
    unmount_log
    rm -rf "$LOG"
}

test_shells() {
    local shell
    for shell in bash dash "busybox sh"; do
        writes "$shell"' -c "while IFS= read -r l; do
            printf \"%s\\n\" \"\$l\"; done <\$F >>append"'
        lines=50 writes "$shell"' -c "while IFS= read -r l; do
            echo \"\$l\" >>append; done <\$F"'
        lines=50 writes "$shell"' -c "while IFS= read -r l; do
            echo \"\$l\" >append; done <\$F"'
        writes "$shell"' -c "cat \$F >>append"'
        writes "exec 3>>append; F=\$F $shell -c 'cat \$F' >&3"
    done
}

test_copying() {
    writes 'tee -a append <"$F" >/dev/null'
    writes 'cp "$F" append'
    writes 'cp --sparse=always "$F" append'
    writes 'busybox cp "$F" append'
    writes 'head -n 1000 "$F" >>append; tail -n +1001 "$F" >>append'
    writes 'sponge append <"$F"'
    writes 'rsync --inplace "$F" append'
    writes 'rsync --append "$F" append'
    writes 'sort -n "$F" -o append'
}

# The bytes are taken, whatever becomes of the permissions: that others might
# write cannot be had.
test_copying_with_permissions() {
    writes 'chmod 644 "$F"; cp -p "$F" append'
    writes 'chmod 600 "$F"; cp -a "$F" append'
    writes 'chmod 644 "$F"; rsync --inplace -pt "$F" append'
    writes 'chmod 666 "$F"; ! cp -p "$F" append 2>../errors
        grep -q "preserving permissions .*not permitted" ../errors'
}

test_dd() {
    writes 'dd if="$F" of=append bs=4M oflag=append conv=notrunc status=none'
    writes 'dd if="$F" of=append bs=100 seek=7 conv=notrunc status=none'
    writes 'dd if="$F" of=append bs=512 seek=1 status=none'
    writes 'dd if="$F" of=append bs=13 oflag=append,sync conv=notrunc,fsync \
        count=0 status=none; cat "$F" >>append'
    writes 'busybox dd if="$F" of=append bs=100 conv=notrunc 2>/dev/null'
    lines=400000 writes 'dd if="$F" of=append bs=4M oflag=append \
        conv=notrunc status=none'
}

test_awk_and_perl() {
    writes 'mawk "{ print >>\"append\" }" "$F"'
    writes 'busybox awk "{ print >>\"append\" }" "$F"'
    writes 'mawk "{ print >>\"append\"; fflush() }" "$F"'
    writes 'perl -ne '\''BEGIN { open(A, ">>", "append") or die }
        print A or die; END { close(A) or die }'\'' "$F"'
    writes 'perl -ne '\''BEGIN { use IO::Handle; open(A, ">>", "append") or die;
        A->autoflush(1) } print A or die'\'' "$F"'
    lines=100 writes 'perl -ne '\''open(A, ">>", "append") or die;
        print A or die; close(A) or die'\'' "$F"'
}

test_python() {
    writes 'python3 -c "
import sys
with open(\"append\", \"a\") as f:
    for line in open(sys.argv[1]):
        f.write(line)
" "$F"'
    writes 'python3 -c "
import logging, sys
log = logging.getLogger()
log.addHandler(logging.FileHandler(\"append\"))
for line in open(sys.argv[1]):
    log.warning(line.rstrip(chr(10)))
" "$F"'
    writes 'python3 -c "
import logging.handlers, sys
log = logging.getLogger()
log.addHandler(logging.handlers.WatchedFileHandler(\"append\"))
for line in open(sys.argv[1]):
    log.warning(line.rstrip(chr(10)))
" "$F"'
}

# Renaming the file away is refused; the program hears of it, goes on, and
# the log has everything but the message that was to begin a new file.
test_python_rotation() {
    mount_log
    python3 - "$MNT/append" 2>"$TMP/errors" <<'END'
import logging, logging.handlers, sys
log = logging.getLogger()
log.addHandler(logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=100,
                                                    backupCount=3))
for i in range(300):
    log.warning("message %d" % i)
log.warning("x" * 200)
log.warning("the end")
END
    contains "$(cat "$TMP/errors")" 'PermissionError: .*not permitted'
    (seq -f 'message %.0f' 0 299 && echo "the end") >"$TMP/want"
    holds "$TMP/want"
    equal "$(find "$MNT" -name 'append*')" "$MNT/append"
}

test_node() {
    writes 'node -e "
const fs = require(\"fs\");
for (const line of fs.readFileSync(process.argv[1], \"utf8\").match(/.*\n/g))
    fs.appendFileSync(\"append\", line);
" "$F"'
    writes 'node -e "
const fs = require(\"fs\");
const lines = fs.readFileSync(process.argv[1], \"utf8\").match(/.*\n/g);
const next = (i) => i < lines.length &&
    fs.appendFile(\"append\", lines[i], (e) => { if (e) throw e; next(i + 1); });
next(0);
" "$F"'
    writes 'node -e "
const fs = require(\"fs\");
const out = fs.createWriteStream(\"append\", {flags: \"a\"});
for (const line of fs.readFileSync(process.argv[1], \"utf8\").match(/.*\n/g))
    out.write(line);
out.end();
" "$F"'
    writes 'node -e "
const fs = require(\"fs\");
fs.createReadStream(process.argv[1], {highWaterMark: 777})
    .pipe(fs.createWriteStream(\"append\", {flags: \"a\"}));
" "$F"'
}

# An unbuffered stderr: three writes for a line.
test_logger() {
    mount_log
    seq 1 200 | logger -s --no-act --socket-errors=off -t tag 2>>"$MNT/append"
    equal "$(status next)" 200
    equal "$(sed 's/^<[0-9]*>.* tag: //' "$MNT/log")" "$(seq 1 200)"
}

test_other_calls() {
    local way
    for way in writev aio uring; do
        writes "pieces $way append 100 <\"\$F\""
        writes "pieces $way append 7 <\"\$F\""
        writes "pieces $way append 50000 <\"\$F\""
    done
}

# Many writers that open the door once and keep it, as services do, while
# others come and go.
test_long_lived_descriptors() {
    local w pids=()
    mount_log
    exec 3>>"$MNT/append"
    for w in {1..6}; do
        (
            for i in {1..300}; do
                echo "w$w $i"
            done >&3
        ) &
        pids+=($!)
    done
    for i in {1..100}; do
        echo "w7 $i" >>"$MNT/append"
    done
    wait "${pids[@]}"
    exec 3>&-
    equal "$(status next)" 1900
    for w in {1..6}; do
        grep "^w$w " "$MNT/log" | cmp - <(seq -f "w$w %.0f" 1 300)
    done
    grep "^w7 " "$MNT/log" | cmp - <(seq -f "w7 %.0f" 1 100)
}

# Without O_APPEND it comes in pieces, which the door joins.
test_sendfile() {
    writes 'python3 -c "
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
door = os.open(\"append\", os.O_WRONLY)
while os.sendfile(door, source, None, 1 << 20) > 0:
    pass
" "$F"'
    lines=50000 writes 'python3 -c "
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
door = os.open(\"append\", os.O_WRONLY)
while os.sendfile(door, source, None, 1 << 20) > 0:
    pass
" "$F"'
}

# What cannot work is refused and stores nothing.
test_what_is_refused() {
    text 100 >"$TMP/text"
    mount_log
    echo first >>"$MNT/append"
    fails rsync "$TMP/text" "$MNT/append" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" 'mkstemp .*Operation not permitted'
    fails mv "$TMP/text" "$MNT/append" 2>"$TMP/errors"
    fails sed -i s/first/last/ "$MNT/append" 2>"$TMP/errors"
    fails python3 - "$TMP/text" "$MNT/append" 2>"$TMP/errors" <<'END'
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
door = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
os.sendfile(door, source, 0, 100)
END
    contains "$(cat "$TMP/errors")" 'Invalid argument'
    # Reads its target first, and some of its versions do not expect refusal.
    sponge -a "$MNT/append" <"$TMP/text" 2>"$TMP/errors" &&
        fail "sponge -a succeeded"
    echo last >>"$MNT/append"
    equal "$(cat "$MNT/log")" $'first\nlast'
    equal "$(status next)" 2
}

# copied COMMAND...: of record 0 it makes one record, the same.
copied() {
    local before
    before=$(status next)
    "$@"
    equal "$(status next)" "$((before + 1))" "next after $*"
    cmp "$MNT/last" "$MNT/records/0" || fail "$*"
}

cat_to() {
    cat "$MNT/records/0" >"$1"
}

# Both ends are here, so the kernel could do it alone, in pieces.
test_copies_of_a_record() {
    mount_log
    head -c 300000 /dev/urandom | dd of="$MNT/put" bs=1M iflag=fullblock \
        status=none
    equal "$(status next)" 1
    copied cat_to "$MNT/put"
    copied cp "$MNT/records/0" "$MNT/put"
    copied cp --reflink=auto "$MNT/records/0" "$MNT/put"
    copied cp "$MNT/records/0" "$MNT/records/$(status next)"
    copied cat_to "$MNT/records/$(status next)"
    copied dd if="$MNT/records/0" of="$MNT/put" bs=1M status=none
    python3 - "$MNT/records/0" "$MNT/put" <<'END'
import errno, os, sys
i, o = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_WRONLY)
try:
    os.copy_file_range(i, o, 300000)
    sys.exit("the kernel has copied")
except OSError as e:
    assert e.errno == errno.EINVAL, e
END
    equal "$(status next)" 7
}

run_tests
