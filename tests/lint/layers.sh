#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The control of scripts/layers: breaks each rule in a copy of the tree, by one
# line more, and demands that it is found there.
set -euo pipefail

root=$(realpath "$(dirname "$0")/../..")
copy=$(mktemp -d "${TMPDIR:-/tmp}/clog-layers.XXXXXX")
trap 'rm -rf "$copy"' EXIT
failures=0
planted=()

copy_tree() {
    rm -rf "${copy:?}"/*
    cp -r "$root/core" "$root/fs" "$root/README.md" "$copy"
}

# plant RULE FILE LINE: in a fresh copy, LINE is the last one of FILE.
plant() {
    copy_tree
    mkdir -p "$(dirname "$copy/$2")"
    echo "$3" >>"$copy/$2"
    expect "$@"
}

# expect RULE FILE LINE: the copy breaks RULE, in FILE and nowhere else.
expect() {
    local rule=$1 file=$2 line=${3%%$'\n'*} output
    planted+=("$rule")
    if output=$("$root/scripts/layers" "$copy"); then
        echo "not ok $rule: $file: $line"
        failures=$((failures + 1))
    elif grep -qF "($rule: " <<<"$output" &&
        ! grep -qvF "${file%.*}" <<<"$output"; then
        echo "ok $rule: $file: $line"
    else
        echo "not ok $rule: $file: $line"
        echo "$output"
        failures=$((failures + 1))
    fi
}

copy_tree
"$root/scripts/layers" "$copy"
echo "ok nothing is planted"

plant up core/io/io.c '#include "segment/segment.h"'
plant up core/segment/store.c '#include "recovery/recovery.h"'
plant up core/recovery/scan.c '#include "log/log.h"'
plant up fs/daemon/options.c '#include "files/node.h"'
plant up fs/files/node.c '#include "serve/tree.h"'
plant interface fs/files/node.c '#include "log/log.h"'
plant interface fs/daemon/options.c '#include "io/bytes.h"'
plant interface core/io/io.c '#include "clog.h"'
plant parameters core/log/open.c "$(printf '%s\n' \
    'static int six(int a, int b, int c, int (*d)(int, int),' \
    '               int e, int f) REQUIRES(lock)' '{' '}')"
plant length fs/files/put.c "$(
    printf 'static int more(void)\n{\n'
    printf '    more();%.0s\n' {1..61}
    printf '}\n'
)"
plant place core/more.c 'int more;'
plant place core/log/more/more.c 'int more;'
plant place fs/files/put.c '#include "node.h"'
plant place core/log/open.c '#include "no/such.h"'
plant place core/log/open.c '#include "daemon/message.h"'
plant circle core/segment/store.h '#include "segment/segment.h"'
plant circle core/segment/crc.h '#include "segment/stamps.h"'
plant circle fs/files/kind.h '#include "files/handle.h"'
plant storage core/log/open.c 'static int a(struct io *io) { return io->ops->now(io); }'
plant storage core/recovery/scan.c 'static int a(int fd) { return fsync(fd); }'
plant storage core/verify.c 'static int a(void) { return open("a", 0); }'
plant fuse fs/files/node.c 'static fuse_req_t req;'
plant fuse fs/daemon/message.c 'static struct fuse_file_info info;'
plant fuse fs/files/append.h '#define ANSWER(r) fuse_reply_err(r, 0)'

copy_tree
sed -i '/core\/recovery\/  /d' "$copy/README.md"
expect drawing README.md 'a layer is missing'

while IFS=: read -r rule _; do
    [[ " ${planted[*]} " == *" $rule "* ]] || {
        echo "not ok $rule is not planted"
        failures=$((failures + 1))
    }
done < <("$root/scripts/layers" --rules)
exit $((failures > 0))
