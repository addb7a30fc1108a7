# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
#
# What the tests of strangers share: a log of $count records, made by `visit`,
# in $DISK/fresh, and $OUTSIDE, which belongs to somebody else.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
PATH=$(realpath "${HELPERS:?the directory of the helper programs}"):$PATH

count=10
segment8=segments/00000000000000000008
nobody=65534

# as_nobody COMMAND...: run by a user who is not root and owns nothing.
as_nobody() {
    chmod a+x "$TMP"
    setpriv --reuid "$nobody" --regid "$nobody" --clear-groups -- "$@"
}

# make_fresh: once for a test, in memory if that can be, for all that syncs.
make_fresh() {
    DISK=$TMP/disk
    OUTSIDE=$DISK/outside
    mkdir "$DISK"
    ((EUID != 0)) || mount -t tmpfs tmpfs "$DISK"
    visit make "$DISK/fresh" "$count"
    find "$DISK/fresh" -type d -exec chmod u+w {} +
}

# make_outside: somebody's files, which no log has to do with.
make_outside() {
    rm -rf "$OUTSIDE"
    mkdir -p "$OUTSIDE/directory"
    echo precious >"$OUTSIDE/file"
    echo inside >"$OUTSIDE/directory/file"
    chmod 640 "$OUTSIDE/file"
    chmod 755 "$OUTSIDE/directory"
}

# picture DIRECTORY: all that can be seen of it; of $OUTSIDE its bytes too.
picture() {
    find "$1" -printf '%P %y %m %U %G %s %T@ %l\n'
    [[ $1 != "$OUTSIDE" ]] ||
        find "$1" -type f -exec cat {} +
}

# put_in_place LOGDIR PLACE KIND: puts something of that kind in that place.
put_in_place() {
    local place=$1/$2
    if [[ $3 != mode && $3 != owner && $3 != second ]]; then
        rm -rf "$place"
        [[ -d ${place%/*} ]] || mkdir "${place%/*}"
    fi
    case $3 in
    link) ln -s "$OUTSIDE/file" "$place" ;;
    directory-link) ln -s "$OUTSIDE/directory" "$place" ;;
    dangling) ln -s "$OUTSIDE/new" "$place" ;;
    hard) ln "$OUTSIDE/file" "$place" ;;
    second) ln "$place" "$OUTSIDE/second" ;; # as cp -al does
    fifo) mkfifo "$place" ;;
    socket) python3 - "$place" <<<'import os, socket, sys
os.chdir(os.path.dirname(sys.argv[1]))
socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))' ;;
    zero) mknod "$place" c 1 5 ;;
    full) mknod "$place" c 1 7 ;;
    directory) mkdir "$place" ;;
    tree) mkdir "$place" && echo x >"$place/x" ;;
    hole) truncate -s 1T "$place" ;;
    mode) chmod 0 "$place" ;;
    owner) chown "$nobody:$nobody" "$place" ;;
    esac
}
