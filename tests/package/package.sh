#!/bin/bash
# SPDX-License-Identifier: MIT
#
# package.sh RELEASE SOURCES: the packages that SOURCES, made by
# scripts/package --source, gives on that release of Debian: built there twice,
# looked at by lintian, installed into a bare system over the release before,
# used, and purged.
. "$(dirname "$0")/tree.sh"

release=$1
OUT=$TREES/package-$release
rm -rf --one-file-system "$OUT"
mkdir -p "$OUT/source" "$OUT/old"
cp "$2"/*.dsc "$2"/*.tar.xz "$OUT/source"

say() {
    echo "== $*"
}

builder=$(with_packages "$release-packages" "$release" build-essential \
    debhelper fakeroot lintian libcmocka-dev libfuse3-dev libisal-dev \
    meson pkgconf scdoc fuse3)
bare=$(tree_of "$release")

# What differs from machine to machine does not show in a package.
say "built twice"
inside "$builder" '
    build() {
        mkdir -p "$1" "/out/$2"
        cd "$1"
        dpkg-source --extract /out/source/*.dsc clog >/dev/null
        cd clog
        dpkg-buildpackage --no-sign -b
        cd ..
        cp ./*.deb ./*.changes ./*.buildinfo "/out/$2"
    }
    build /tmp/a new
    umask 027
    export DEB_BUILD_OPTIONS=nocheck TZ=Asia/Kolkata LC_ALL=C USER=other
    build /var/tmp/another/directory again
' >"$OUT/build.log" 2>&1 || {
    tail -n 30 "$OUT/build.log"
    exit 1
}
[[ $(find "$OUT/new" -name '*.deb' | wc -l) == 5 ]]
for deb in "$OUT"/new/*.deb; do
    cmp "$deb" "$OUT/again/${deb##*/}"
done

say "lintian"
inside "$builder" '
    cd /out/new
    lintian --fail-on error,warning --tag-display-limit 0 ./*.changes
    cp -r /out/source /tmp/source
    cd /tmp/source
    lintian --fail-on error,warning --tag-display-limit 0 ./*.dsc
'
# It would have found something.
if inside "$builder" '
    cd /tmp
    dpkg-deb -R /out/new/clog_*.deb x
    rm x/usr/share/man/man1/*
    dpkg-deb -b x clog.deb
    lintian --fail-on error,warning clog.deb
' >"$OUT/control.log" 2>&1; then
    echo "lintian does not miss the manual"
    exit 1
fi
grep -q 'no-manual-page' "$OUT/control.log"

# The one that this version came after, as Debian would have packaged it.
say "the release before"
begun=$(git -C "$SOURCE" log --format=%H -S"$(grep "^  version: '" \
    "$SOURCE/meson.build")" -- meson.build | tail -n 1)
git -C "$SOURCE" archive --prefix=clog/ "$begun^" >"$OUT/old/clog.tar"
inside "$builder" '
    depends=$(dpkg-deb -f /out/new/clog_*.deb Depends)
    tar -C /tmp -xf /out/old/clog.tar
    cd /tmp/clog
    meson setup --prefix=/usr --libdir="lib/$(gcc -print-multiarch)" \
        --buildtype=release -Dtests=disabled build
    ninja -C build
    DESTDIR=/tmp/clog-all meson install -C build --no-rebuild
    cd /tmp
    mkdir -p libclog0/usr/lib libclog-dev/usr clog
    mv clog-all/usr/include clog-all/usr/lib libclog-dev/usr
    mkdir "libclog0/usr/lib/$(gcc -print-multiarch)"
    mv libclog-dev/usr/lib/*/libclog.so.* libclog0/usr/lib/*/
    mv clog-all/usr clog
    for package in clog libclog0 libclog-dev; do
        mkdir $package/DEBIAN
        cat >$package/DEBIAN/control <<END
Package: $package
Version: 0.1.0-1
Architecture: $(dpkg --print-architecture)
Maintainer: nobody <nobody@example.org>
Depends: $depends
Description: the release before
END
        dpkg-deb --root-owner-group -b $package /out/old
    done
' >"$OUT/old.log" 2>&1 || {
    tail -n 30 "$OUT/old.log"
    exit 1
}

say "installed, upgraded, purged"
inside "$bare" '
    apt-get update >/dev/null
    apt-get satisfy -y --no-install-recommends \
        "$(dpkg-deb -f /out/new/clog_*.deb Depends), fuse3, libisal-dev" >/dev/null

    # All that is there, but for what apt and dpkg keep for themselves.
    files() {
        find / -xdev \( -path /proc -o -path /dev -o -path /out -o -path /tmp \
            -o -path /var/cache -o -path /var/log -o -path /var/lib/apt \
            -o -path /var/lib/dpkg -o -path /var/lib/systemd \
            -o -name ".pwd.lock" -o -name "*-" -o -name ld.so.cache \) -prune \
            -o -printf "%y %p\n" | sort
    }
    files >/tmp/before
    sort /etc/passwd /etc/group >/tmp/users

    apt-get install -y --no-install-recommends /out/old/*.deb
    mkdir -p /var/lib/clog /srv/clog/a /srv/clog/b
    clog /var/lib/clog/a /srv/clog/a
    seq 1000 >>/srv/clog/a/append
    mkdir /srv/clog/a/cursors/mail
    echo 500 >/srv/clog/a/cursors/mail/offset

    # What is mounted while it is upgraded goes on.
    apt-get install -y --no-install-recommends /out/new/*.deb
    echo 1001 >>/srv/clog/a/append
    umount /srv/clog/a
    flock /var/lib/clog/a true
    clog --version

    mount -t clog -o sync=always /var/lib/clog/a /srv/clog/a
    echo 1002 >>/srv/clog/a/append
    cmp /srv/clog/a/log <(seq 1002)
    [ "$(cat /srv/clog/a/cursors/mail/offset)" = 500 ]
    umount /srv/clog/a
    mount -t fuse.clog /var/lib/clog/a /srv/clog/a
    [ "$(cat /srv/clog/a/records/1001)" = 1002 ]
    umount /srv/clog/a
    flock /var/lib/clog/a true
    clog-verify /var/lib/clog/a
    echo allow_other >/etc/clog/a.conf
    if files | diff -q /tmp/before - >/dev/null; then
        echo "what is installed does not show"
        exit 1
    fi

    # Purged with a log: it stays as it was.
    files | grep " /var/lib/clog/" >/tmp/log
    apt-get purge -y clog libclog0 libclog-dev "*clog*-dbgsym"
    files | grep " /var/lib/clog/" | cmp - /tmp/log
    files | grep -v " /var/lib/clog" | diff /tmp/before -

    # Purged without one: nothing stays.
    rm -rf /var/lib/clog/a
    apt-get install -y --no-install-recommends /out/new/*.deb
    getent passwd clog
    clog -V
    apt-get purge -y clog libclog0 libclog-dev "*clog*-dbgsym"
    files | diff /tmp/before -
    sort /etc/passwd /etc/group | diff /tmp/users -
' >"$OUT/install.log" 2>&1 || {
    tail -n 30 "$OUT/install.log"
    exit 1
}

say "Debian's own tests"
inside "$builder" '
    apt-get install -y --no-install-recommends /out/new/*.deb
    for test in mount library; do
        dpkg-source --extract /out/source/*.dsc /tmp/$test
        /tmp/$test/debian/tests/$test
    done
' >"$OUT/tests.log" 2>&1 || {
    tail -n 30 "$OUT/tests.log"
    exit 1
}
