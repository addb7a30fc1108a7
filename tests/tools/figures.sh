#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A million records against a directory of a million files on ext4: names, all
# attributes, and opening and reading one at random. Medians of five; prints
# what was measured.
count=1000000
rounds=5

# The files of the same bytes, on a file system that is all theirs.
make_plain() {
    P=$TMP/plain
    truncate -s 12G "$TMP/ext4"
    mkfs.ext4 -q -F -N $((count + 10000)) "$TMP/ext4"
    mkdir "$P"
    mount -o loop "$TMP/ext4" "$P"
    mkdir "$P/records"
    python3 - "$P/records" "$count" <<'END'
import os, sys
os.chdir(sys.argv[1])
for i in range(int(sys.argv[2])):
    with open(str(i), "wb") as f:
        f.write(b"%d is the number\n" % i)
END
}

forget_caches() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
}

# median COMMAND...: of its own times in ms, as many as there are rounds.
median() {
    local i start end
    for ((i = 0; i < rounds; i++)); do
        [[ $cold == warm ]] || forget_caches
        start=$(date +%s%N)
        "$@" >/dev/null
        end=$(date +%s%N)
        echo $(((end - start) / 1000))
    done | sort -n | sed -n $((rounds / 2 + 1))p
}

# Opens and reads 2,000 at random; always the same.
read_some() {
    python3 - "$1/records" "$count" <<'END'
import os, random, sys
random.seed(1)
os.chdir(sys.argv[1])
for i in random.sample(range(int(sys.argv[2])), 2000):
    fd = os.open(str(i), os.O_RDONLY)
    os.read(fd, 4096)
    os.close(fd)
END
}

# within RATIO COLD WHAT COMMAND...: on the mount it takes at most that much
# of the time that it takes on files; in percent.
within() {
    local cold=$2 here there
    there=$(median "${@:4}" "$P")
    here=$(median "${@:4}" "$MNT")
    printf '%s, %s: clog %d us, ext4 %d us\n' "$3" "$2" "$here" "$there" |
        tee -a "$BUILD/figures.txt"
    ((here * 100 <= there * $1)) || fail "$3, $2: $here us, ext4 $there us"
}

list_names() {
    ls -U "$1/records"
}

list_all() {
    ls -l "$1/records"
}

test_against_ext4() {
    ((EUID == 0)) || return 0
    mount_log
    seq -f '%.0f is the number' 0 $((count - 1)) >>"$MNT/append"
    make_plain
    : >"$BUILD/figures.txt"
    within 100 cold names list_names
    within 100 warm names list_names
    within 300 warm "all attributes" list_all
    within 500 cold "one at random" read_some
    within 400 warm "one at random" read_some
    umount "$P"
}

run_tests
