#!/bin/bash
# SPDX-License-Identifier: MIT
#
# service.sh RELEASE DEBS: the unit of the packages in DEBS, under a systemd
# that is process 1 in namespaces of its own, on that release of Debian.
. "$(dirname "$0")/tree.sh"

release=$1
OUT=$TREES/service-$release
rm -rf --one-file-system "$OUT"
mkdir -p "$OUT"
cp "$2"/clog_*.deb "$2"/libclog0_*.deb "$OUT"
tree=$(with_packages "$release-systemd" "$release" systemd dbus fuse3 \
    libisal2 procps psmisc)

# booted SCRIPT: in a copy of the tree where the packages are installed.
booted() {
    rm -f "$OUT"/service.*
    timeout --kill-after=10 300 unshare --mount --pid --fork --kill-child \
        --cgroup --uts --ipc --propagation private \
        bash -euo pipefail "$SOURCE/tests/package/boot.sh" "$OUT" "$tree" '
            dpkg -i /out/*.deb
            printf "allow_other\numask=0\n" >/etc/clog/a.conf
            mkdir -p /etc/systemd/system/clog@.service.d
            printf "[Service]\nStandardError=append:/out/clog.err\n" \
                >/etc/systemd/system/clog@.service.d/test.conf
        ' '
            wait_for() {
                local i
                for i in {1..300}; do
                    fails "$@" >/dev/null 2>&1 || return 0
                    sleep 0.1
                done
                echo "in vain: $*"
                return 1
            }
            # fails COMMAND...: it does.
            fails() {
                if "$@" >/dev/null 2>&1; then
                    echo "did not fail: $*"
                    return 1
                fi
            }
            pid() {
                systemctl show --value --property MainPID clog@a
            }
        '"$1" </dev/null || true
    [[ $(cat "$OUT/service.status" 2>/dev/null) == 0 ]] || {
        tail -n 20 "$OUT"/*.log "$OUT/clog.err"
        return 1
    }
}

# It serves when systemctl returns, to everybody, as nobody but for one right;
# killed, it is there again; stopped, the log is closed.
booted '
    systemctl start clog@a
    echo hello >>/srv/clog/a/append
    [ "$(stat -f -c %T /srv/clog/a)" = fuseblk ] ||
        [ "$(stat -f -c %T /srv/clog/a)" = fuse ]
    grep -E "^Uid:\s$(id -u clog)\s" "/proc/$(pid)/status"
    grep -E "^CapEff:\s0000000000200000" "/proc/$(pid)/status"
    [ "$(readlink /proc/1/ns/mnt)" = "$(readlink "/proc/$(pid)/ns/mnt")" ]

    killed=$(pid)
    kill -KILL "$killed"
    wait_for grep . /srv/clog/a/status
    echo again >>/srv/clog/a/append
    [ "$(pid)" != "$killed" ]
    printf "hello\nagain\n" | cmp - /srv/clog/a/log

    systemctl stop clog@a
    fails mountpoint /srv/clog/a
    test -e /var/lib/clog/a/clean
    fails su -s /bin/sh nobody -c "echo lost >>/srv/clog/a/append"
    [ "$(stat -c %a /srv/clog/a)" = 555 ]

    # A wrong line is an error of the start, with the line.
    echo colour=red >>/etc/clog/a.conf
    fails systemctl start clog@a
    grep "a.conf: line 3 is refused" /out/clog.err
    fails systemctl start clog@none
    sed -i "/colour/d" /etc/clog/a.conf

    # Elsewhere, as the unit says.
    printf "[Service]\nEnvironment=MOUNTPOINT=/mnt/b\n" \
        >/etc/systemd/system/clog@.service.d/where.conf
    systemctl daemon-reload
    systemctl reset-failed
    systemctl start clog@a
    printf "hello\nagain\n" | cmp - /mnt/b/log

    # Removed while it runs.
    dpkg --remove clog
    fails mountpoint /mnt/b
    test -e /var/lib/clog/a/clean
'

# Mount units, of their own files and of fstab, with a log and without one.
booted '
    mkdir -p /var/lib/clog /mnt/unit /mnt/fstab /mnt/none
    printf "[Mount]\nWhat=/var/lib/clog/unit\nWhere=/mnt/unit\nType=clog\n" \
        >/etc/systemd/system/mnt-unit.mount
    cat >>/etc/fstab <<END
/var/lib/clog/fstab     /mnt/fstab  fuse.clog  nofail,noatime,sync=always  0  0
/var/lib/none/none/log  /mnt/none   clog       nofail,x-systemd.automount  0  0
END
    systemctl daemon-reload
    for name in unit fstab; do
        systemctl start "mnt-$name.mount"
        echo hello >>"/mnt/$name/append"
        [ "$(cat "/mnt/$name/records/0")" = hello ]
        systemctl stop "mnt-$name.mount"
        fails mountpoint "/mnt/$name"
        flock "/var/lib/clog/$name" true
        test -e "/var/lib/clog/$name/clean"
    done
    fails systemctl start mnt-none.mount
    fails mountpoint /mnt/none
'

# The service in a mount namespace of its own: nobody else sees what it has mounted.
booted '
    printf "[Service]\nProtectSystem=strict\n" \
        >/etc/systemd/system/clog@.service.d/protect.conf
    systemctl daemon-reload
    systemctl start clog@a
    fails mountpoint /srv/clog/a
'
