# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# enter.sh overlay|direct OUT TREE SCRIPT [ARGUMENT...]: the part of tree.sh
# that runs in namespaces of its own.

root=$3
if [[ $1 == overlay ]]; then
    # What is written lies in memory, and is gone with the namespace.
    mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    mount -t overlay \
        -o "lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" \
        overlay /mnt/root
    root=/mnt/root
fi

mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty fuse; do
    [[ -e /dev/$device ]] || continue
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mkdir -p "$root/out"
mount --bind "$2" "$root/out"
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true

exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive \
    bash -euo pipefail -c "$4" inside "${@:5}"
