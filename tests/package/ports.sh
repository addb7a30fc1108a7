#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ports.sh PORT: builds the tree on another system, by another compiler or for
# another machine, without warnings, and runs there what can be run: the suites
# unit and traps, and where a port says so the mounted daemon's.
. "$(dirname "$0")/tree.sh"

port=$1
OUT=$TREES/port-$port
rm -rf --one-file-system "$OUT"
mkdir -p "$OUT"
git -C "$SOURCE" ls-files -z --cached --others --exclude-standard |
    tar -C "$SOURCE" --null -T - -cf "$OUT/clog.tar"

development=(build-essential fuse3 git libcmocka-dev libfuse3-dev libisal-dev
    liburing-dev meson pkgconf)
# What the suite mount tries a mount with.
tools=(attr bsdextrautils less procps prometheus psmisc python3 rsync xxd)

# on TREE SCRIPT: in a copy of the source, with these at hand:
#     port [OPTION...]      configures and builds
#     suites NAME...        runs them; none may be skipped
on() {
    inside "$1" '
        port() {
            meson setup --werror "$@" build
            ninja -k 0 -C build
        }
        suites() {
            meson test -C build --no-rebuild --print-errorlogs \
                --timeout-multiplier 10 "${@/#/--suite=}" | tee /tmp/result
            grep -q "^Skipped: *0" /tmp/result
        }
        mkdir /tmp/clog
        cd /tmp/clog
        tar -xf /out/clog.tar
    '"$2" >"$OUT/log" 2>&1 || {
        grep -E 'error|ERROR|warning|FAIL|not ok' -A 3 "$OUT/log" | head -n 60
        tail -n 20 "$OUT/log"
        exit 1
    }
}

# cross ARCHITECTURE TRIPLET QEMU
cross() {
    local tree
    tree=$(with_packages "bookworm-$1" bookworm file meson pkgconf \
        qemu-user-static "gcc-$2" "libc6-dev-$1-cross") || return
    if [[ ! -e $tree/usr/lib/$2/pkgconfig/cmocka.pc ]]; then
        keep "$tree" '
            dpkg --add-architecture "$1"
            apt-get update
            apt-get install -y --no-install-recommends "libcmocka-dev:$1" \
                "libfuse3-dev:$1" "libisal-dev:$1"
        ' "$1" >"$tree.log" 2>&1 || {
            tail -n 5 "$tree.log"
            return 1
        }
    fi
    on "$tree" '
        cat >cross <<END
[binaries]
c = "'"$2"'-gcc"
ar = "'"$2"'-ar"
strip = "'"$2"'-strip"
objcopy = "'"$2"'-objcopy"
pkgconfig = "pkg-config"
exe_wrapper = "qemu-'"$3"'-static"
[host_machine]
system = "linux"
cpu_family = "'"$3"'"
cpu = "'"$3"'"
endian = "'"$4"'"
END
        tr \" "\047" <cross >cross.ini
        export PKG_CONFIG_LIBDIR=/usr/lib/'"$2"'/pkgconfig
        port --cross-file cross.ini
        file build/fs/clog | grep -v x86
        suites unit traps
    '
}

# libfuse and cmocka for musl, of Debian's sources; the kernel's headers, and of
# other systems' sys/queue.h, which musl leaves to others, glibc's.
musl_tree() {
    local tree
    tree=$(with_packages trixie-musl trixie build-essential cmake fuse3 \
        file libcmocka-dev libfuse3-dev meson musl-tools pkgconf \
        "${tools[@]}") || return
    if [[ ! -e $tree/usr/local/musl/done ]]; then
        keep "$tree" '
            echo "deb-src http://deb.debian.org/debian trixie main" \
                >/etc/apt/sources.list.d/source.list
            apt-get update
            rm -rf /usr/local/musl /build
            mkdir -p /usr/local/musl/include/sys /build
            cd /usr/local/musl/include
            ln -s /usr/include/linux /usr/include/asm-generic .
            ln -s "/usr/include/$(gcc -print-multiarch)/asm" .
            ln -s "/usr/include/$(gcc -print-multiarch)/sys/queue.h" sys
            cd /build
            apt-get source --tar-only fuse3 cmocka
            for tar in ./*.orig.tar.*[z2]; do
                tar -xf "$tar"
            done
            export CC=musl-gcc CFLAGS="-idirafter /usr/local/musl/include"
            cd /build/fuse*-3*/
            meson setup build --prefix=/usr/local/musl --libdir=lib \
                --default-library=static -Dexamples=false -Dutils=false \
                -Dtests=false -Duseroot=false
            ninja -C build install
            cd /build/cmocka-*/
            cmake -B build -DCMAKE_INSTALL_PREFIX=/usr/local/musl \
                -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
                -DWITH_EXAMPLES=OFF
            make -C build install
            touch /usr/local/musl/done
        ' >"$tree.log" 2>&1 || {
            tail -n 20 "$tree.log" >&2
            return 1
        }
    fi
    echo "$tree"
}

case $port in
trixie-gcc)
    tree=$(with_packages trixie-development trixie "${development[@]}" \
        "${tools[@]}" clang)
    on "$tree" 'port; suites unit traps mount'
    ;;
trixie-clang)
    tree=$(with_packages trixie-development trixie "${development[@]}" \
        "${tools[@]}" clang)
    on "$tree" 'CC=clang port -Db_lundef=false; suites unit traps'
    ;;
hardened)
    tree=$(with_packages bookworm-development bookworm "${development[@]}")
    on "$tree" '
        eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+all \
            dpkg-buildflags --export=sh)"
        echo "$CPPFLAGS" | grep FORTIFY
        port --buildtype=plain
        suites unit traps
    '
    ;;
# Nothing but what it cannot do without, and what each option takes away.
least)
    tree=$(with_packages bookworm-least bookworm gcc libc6-dev libfuse3-dev \
        meson pkgconf fuse3)
    on "$tree" '
        port
        mkdir /tmp/mnt
        build/fs/clog /tmp/log /tmp/mnt
        echo hello >>/tmp/mnt/append
        cat /tmp/mnt/records/0 | grep hello
        umount /tmp/mnt
    '
    tree=$(with_packages bookworm-development bookworm "${development[@]}")
    on "$tree" '
        apt-get install -y --no-install-recommends gcc-multilib
        CC="gcc -m32" meson setup narrow >narrow.log || true
        grep "ERROR: .* needs 64-bit addresses" narrow.log

        apt-get purge -y liburing-dev
        port -Disal=disabled -Dsystemd=disabled
        suites unit traps
    '
    ;;
musl)
    tree=$(musl_tree)
    on "$tree" '
        cat >musl.ini <<END
[binaries]
c = ["musl-gcc"]
[built-in options]
c_args = ["-idirafter", "/usr/local/musl/include"]
c_link_args = ["-static"]
END
        tr \" "\047" <musl.ini >native.ini
        export PKG_CONFIG_LIBDIR=/usr/local/musl/lib/pkgconfig
        meson setup --werror --native-file native.ini \
            -Ddefault_library=static build
        # What other suites are made of knows the names of glibc alone, and
        # so do the helpers of the suite mount: they are built as ever.
        ninja -C build -t targets all |
            sed -nE "s#^((fs|tests)/(clog|clog-verify|(unit|traps)-test_[a-z_]+)): .*#\1#p" |
            xargs ninja -C build
        file build/fs/clog | grep "statically linked\|static-pie"
        env -u PKG_CONFIG_LIBDIR meson setup helpers
        ninja -C helpers tests/sys tests/oracle tests/writers
        cp helpers/tests/{sys,oracle,writers} build/tests
        suites unit traps mount
    '
    ;;
arm64) cross arm64 aarch64-linux-gnu aarch64 little ;;
s390x) cross s390x s390x-linux-gnu s390x big ;;
*)
    echo "ports.sh: no port $port" >&2
    exit 1
    ;;
esac
