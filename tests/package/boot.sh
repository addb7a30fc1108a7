# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# boot.sh OUT TREE PREPARE SCRIPT: the part of tree.sh that starts systemd as
# process 1 of its own namespaces, in a copy of TREE that stays in memory.
# PREPARE runs there before, SCRIPT as a service when it has started; what it
# prints is in OUT/service.log, its status in OUT/service.status.

out=$1 tree=$2
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay \
    -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
cd /mnt/root || exit
mkdir -p out old
mount --bind "$out" out
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mknod -m 666 dev/fuse c 10 229 # as udev makes it
mkdir dev/shm
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
printf '%s\n' 'set -euo pipefail' "$4" >test.sh
cat >etc/systemd/system/test.service <<'END'
[Unit]
Description=the test
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'bash /test.sh >/out/service.log 2>&1; echo $? >/out/service.status'
ExecStopPost=/bin/systemctl exit --force
END
cat >etc/systemd/system/test.target <<'END'
[Unit]
Requires=basic.target test.service
After=basic.target
AllowIsolate=yes
END
chroot . bash -euo pipefail -c "$3" >"$out/prepare.log" 2>&1

pivot_root . old
umount -l /old
mount --make-rshared /
export container=other
exec /lib/systemd/systemd --unit=test.target --log-target=console \
    --show-status=no >/out/systemd.log 2>&1
