#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# The same as plain files: $P is what the mount is to be like. Time of all but
# the doors and status is the records'.
prepare() {
    local i
    text 500 >"$TMP/text"
    mount_log -o max_store=4K "$@"
    cat "$TMP/text" >>"$MNT/append"
    P=$TMP/plain
    mkdir -p "$P/records"
    cp "$TMP/text" "$P/log"
    i=0
    while IFS= read -r line; do
        echo "$line" >"$P/records/$i"
        i=$((i + 1))
    done <"$TMP/text"
}

# same COMMAND...: it prints the same here and there.
same() {
    (cd "$P" && "$@") >"$TMP/there"
    (cd "$MNT" && "$@") >"$TMP/here"
    [[ -s $TMP/there ]] || fail "prints nothing: $*"
    cmp "$TMP/here" "$TMP/there" || fail "$*"
}

# Whole numbers as names sort differently from plain to plain.
same_sorted() {
    same bash -c "$* | LC_ALL=C sort"
}

test_text_tools() {
    prepare
    same tail -n 7 log
    same tail -c 100 log
    same tail -n +490 log
    same head -n 3 log
    same head -c 5000 log
    same head -n -495 log
    same wc log
    same wc -c records/3 records/44
    same sort log
    same sort -n -r log
    same grep -n judge log
    same grep -c . log
    same awk '{ n += $1 } END { print n, NR }' log
    same busybox awk 'END { print NR }' log
    same sed -n '100,110p' log
    same tac log
    same cut -c 1-5 log
    same split --number=l/3/7 log
    same md5sum log records/7
    same cksum log
    same file log records/7
    same od -An -c records/12
    same busybox tail -n 5 log
    same busybox wc -l log
    same perl -ne 'print if $. > 480' log
    same less log
}

test_searching() {
    prepare
    same_sorted grep -r black records
    same_sorted grep -rc black records
    same_sorted grep -rl vow log records
    same_sorted rg --no-heading black records
    same_sorted rg -c vow log
    same rg -n 'judge my' log
    same rg --mmap black log
}

# Nothing in the mount blocks, or goes on for ever.
test_the_whole_mount() {
    local status=0
    prepare
    timeout 60 grep -rs vow "$MNT" >"$TMP/found" || status=$?
    ((status < 124)) || fail "grep -r: $status"
    equal "$(grep -c "^$MNT/records/" "$TMP/found")" \
        "$(grep -c vow "$TMP/text")"
    timeout 60 rg vow "$MNT" >"$TMP/found" 2>/dev/null || status=$?
    ((status < 124)) || fail "rg: $status"
    timeout 60 tar -cf "$TMP/all.tar" --exclude append --exclude put \
        -C "$MNT" .
    timeout 60 find "$MNT" -type f -exec file {} + >"$TMP/files"
    mkdir "$TMP/out"
    timeout 60 cp -r "$MNT/records" "$MNT/log" "$MNT/segments" "$TMP/out"
    cmp "$TMP/out/log" "$TMP/text"
}

test_archives() {
    prepare
    tar -cf "$TMP/t.tar" -C "$MNT" log records segments
    mkdir "$TMP/out"
    tar -xf "$TMP/t.tar" -C "$TMP/out"
    diff -r "$TMP/out/records" "$P/records"
    cmp "$TMP/out/log" "$P/log"
    diff -r "$TMP/out/segments" "$MNT/segments"
    # With -S it looks for holes.
    tar -S -cf "$TMP/s.tar" -C "$MNT" log records segments
    mkdir "$TMP/holes"
    tar -xf "$TMP/s.tar" -C "$TMP/holes"
    diff -r "$TMP/holes" "$TMP/out"
    equal "$(stat -c %Y "$TMP/out/records/9")" \
        "$(stat -c %Y "$MNT/records/9")"
    tar -df "$TMP/t.tar" -C "$MNT" || fail "tar --diff"
}

test_copies() {
    prepare
    cp -a --sparse=always "$MNT/records" "$TMP/copy"
    diff -r "$TMP/copy" "$P/records"
    equal "$(stat -c '%a %.9Y' "$TMP/copy/8")" \
        "$(stat -c '%a %.9Y' "$MNT/records/8")"
    cp --sparse=always --reflink=auto "$MNT/log" "$TMP/log.copy"
    cmp "$TMP/log.copy" "$P/log"
    rsync -a "$MNT/records/" "$TMP/synced"
    diff -r "$TMP/synced" "$P/records"
    equal "$(rsync -ai "$MNT/records/" "$TMP/synced")" "" "changes"
    echo more >>"$MNT/append"
    equal "$(rsync -ai "$MNT/records/" "$TMP/synced" | grep -c '^>f')" 1
    rsync -a "$MNT/segments" "$TMP/new/"
    diff -r "$TMP/new/segments" "$MNT/segments"
    rsync -ac "$MNT/log" "$TMP/log.copy"
    cmp "$TMP/log.copy" "$MNT/log"
    dd if="$MNT/log" of="$TMP/dd" bs=1000 iflag=direct status=none ||
        dd if="$MNT/log" of="$TMP/dd" bs=1000 status=none
    cmp "$TMP/dd" "$MNT/log"
    node -e 'const fs = require("fs");
        fs.copyFileSync(process.argv[1], process.argv[2])' \
        "$MNT/log" "$TMP/node"
    cmp "$TMP/node" "$MNT/log"
}

test_find() {
    local when
    prepare
    sleep 1.1
    when=$(date +%s.%N)
    sleep 0.1
    echo a new one >>"$MNT/append"
    equal "$(find "$MNT/records" -type f -newermt "@$when" -printf %f)" 500
    equal "$(find "$MNT/records" -type f ! -newermt "@$when" | wc -l)" 500
    cp "$MNT/records/500" "$P/records/500"
    same_sorted find records -type f -size -20c
    same_sorted find records -type f -size +30c
    same_sorted find records -name "'*7'"
    same_sorted find records -type f -printf "'%f %s\\n'"
    equal "$(find "$MNT/records" -type f -mmin +5)" ""
    equal "$(find "$MNT" -type l -printf '%f %l\n' | sort)" \
        $'first records/0\nlast records/500'
    equal "$(find "$MNT" -xtype l)" "" "dangling links"
    equal "$(find "$MNT/records" -links 1 -perm 444 -type f | wc -l)" 501
}

# blocks FILE...: the blocks of 512 bytes that their sizes take.
blocks() {
    stat -c %s "$@" | awk '{ sum += int(($1 + 511) / 512) } END { print sum }'
}

# No file has a hole; each view of a record counts.
test_space() {
    prepare
    equal "$(du -s -B 512 "$MNT/log" | cut -f 1)" "$(blocks "$P/log")"
    equal "$(du -s -B 512 "$MNT/records" | cut -f 1)" \
        "$(blocks "$P"/records/*)"
    equal "$(du -s -B 512 "$MNT/segments" | cut -f 1)" \
        "$(blocks "$MNT"/segments/*/*)"
    equal "$(du -sb "$MNT/log" | cut -f 1)" "$(stat -c %s "$P/log")"
    equal "$(df --output=size,fstype "$MNT" | tail -n 1 | awk '{ print $1 }')" \
        "$(df --output=size "$LOG" | tail -n 1 | awk '{ print $1 }')"
    equal "$(df --output=target "$MNT/records/3" | tail -n 1)" "$MNT"
    equal "$(df --output=iused "$MNT" | tail -n 1 | tr -d ' ')" 500
    echo more >>"$MNT/append"
    equal "$(df -i "$MNT" | awk 'NR == 2 { print $3 }')" 501
    (($(df --output=iavail "$MNT" | tail -n 1) > 1000)) || fail "no inodes"
    equal "$(stat -f -c %l "$MNT")" 255
}

test_stat() {
    prepare
    equal "$(stat -c '%F %h %s %b' "$MNT/records/0")" \
        "regular file 1 $(stat -c %s "$P/records/0") 1"
    equal "$(stat -c '%F %s' "$MNT/last")" "symbolic link 11"
    equal "$(stat -c %s "$MNT/at/@0")" "$(readlink -n "$MNT/at/@0" | wc -c)"
    equal "$(stat -L -c %i "$MNT/last")" "$(stat -c %i "$MNT/records/499")"
    equal "$(stat -c %i "$MNT"/records/{1..400} | sort -u | wc -l)" 400
    equal "$(find "$MNT" -printf '%i\n' | sort | uniq -d)" "" "inodes twice"
    equal "$(ls -i "$MNT/records" | awk '$2 == 77 { print $1 }')" \
        "$(stat -c %i "$MNT/records/77")"
    equal "$(readlink -f "$MNT/first")" "$MNT/records/0"
    equal "$(realpath "$MNT/last")" "$MNT/records/499"
}

test_json() {
    mount_log
    for i in {1..50}; do
        jq -nc --argjson i "$i" '{i: $i, text: "number \($i)"}'
    done >>"$MNT/append"
    equal "$(jq -s 'map(.i) | add' "$MNT/log")" 1275
    equal "$(jq -r .text "$MNT/records/7")" "number 8"
    equal "$(jq -c . "$MNT"/records/* | wc -l)" 50
    node -e 'const fs = require("fs");
        const lines = fs.readFileSync(process.argv[1], "utf8").split("\n");
        if (lines.length !== 51 || JSON.parse(lines[49]).i !== 50)
            process.exit(1)' "$MNT/log"
}

test_python() {
    prepare
    python3 - "$MNT" "$TMP/text" <<'END'
import mmap, os, shutil, sys
mount, text = sys.argv[1], open(sys.argv[2], "rb").read()
lines = text.splitlines(True)
with os.scandir(mount + "/records") as entries:
    seen = {int(e.name): e for e in entries}
    assert sorted(seen) == list(range(500)), "scandir"
    for i, e in seen.items():
        assert e.is_file() and not e.is_symlink(), e.name
        assert e.stat().st_size == len(lines[i]), e.name
        assert e.inode() == e.stat().st_ino, e.name
with open(mount + "/log", "rb") as f:
    for kind in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
        m = mmap.mmap(f.fileno(), 0, flags=kind, prot=mmap.PROT_READ)
        assert m[:] == text
        assert m.find(b"499 ") == text.find(b"499 ")
    f.seek(-10, 2)
    assert f.read() == text[-10:]
    assert os.lseek(f.fileno(), 0, os.SEEK_HOLE) == len(text)
    assert os.lseek(f.fileno(), 5, os.SEEK_DATA) == 5
assert sum(len(f) for _, _, f in os.walk(mount + "/records")) == 500
shutil.copyfile(mount + "/log", "/dev/null")
assert os.path.samefile(mount + "/last", mount + "/records/499")
END
}

# followed PATTERN: the terminal shows it.
followed() {
    tmux -S "$TMP/tmux" capture-pane -p | grep -qE "$1"
}

test_less_follows() {
    prepare
    TERM=xterm tmux -S "$TMP/tmux" -f /dev/null new-session -d -x 100 -y 10 \
        "less +F $MNT/log"
    wait_for 20 followed '^499 '
    for i in one two three; do
        echo "appended $i" >>"$MNT/append"
        wait_for 20 followed "^appended $i"
    done
    tmux -S "$TMP/tmux" kill-server
    wait_for 10 detach "$MNT"
    daemon_ends
}

# follows COMMAND...: in the mount, it shows all that is appended.
follows() {
    mount_log -o max_store=1K
    seq 1 5 >>"$MNT/append"
    (cd "$MNT" && exec "$@" >"$TMP/followed" 2>"$TMP/errors") &
    follower=$!
    seq 1 5 >"$TMP/want"
    wait_for 20 cmp "$TMP/followed" "$TMP/want"
    for i in {6..300}; do
        echo "$i"
    done >>"$MNT/append"
    seq 1 300 >"$TMP/want"
    wait_for 20 cmp "$TMP/followed" "$TMP/want"
    kill "$follower"
    wait "$follower" || true
    cmp "$TMP/errors" /dev/null
    unmount_log
    rm -rf "$LOG"
}

test_tail_follows() {
    follows tail -s 0.1 -n +1 -f log
    follows tail -s 0.1 -n +1 -F log
    follows busybox tail -n +1 -f log
    follows perl -e '$| = 1; open(L, "<", "log") or die;
        while (1) { print while <L>; select(undef, undef, undef, 0.1);
            seek(L, 0, 1) }'
}

run_tests
