#!/bin/sh
# Turns a fresh set of namespaces into the lab's instance, and stays as its first process.
#
#   unshare --mount --pid --ipc --uts --fork --kill-child instance.sh MACHINE
#
# MACHINE is an empty directory. The instance sees this machine's files below an overlay that is gone
# with it; what belongs to the person at this machine is hidden, and /dev, /sys and /run are its own.
set -eu
machine=$1

mount -t tmpfs -o mode=755 lab "$machine"
mkdir "$machine/upper" "$machine/work" "$machine/root"
mount -t overlay -o "lowerdir=/,upperdir=$machine/upper,workdir=$machine/work" lab "$machine/root"
cd "$machine/root"

for own in dev sys run tmp root home; do
    mkdir -p "$own"
    mount -t tmpfs -o mode=755 "lab-$own" "$own"
done
chmod 1777 tmp
chmod 700 root
mount -t proc proc proc

mkdir dev/pts dev/shm run/lock run/lab-changes
# What is written over this machine's files, to be looked at from outside.
mount --bind "$machine/upper" run/lab-changes
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 lab-shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

rm -rf anaconda etc/vivarium var/lib/vivarium etc/profile.d/vivarium.sh etc/resolv.conf etc/pip.conf
mkdir -p etc/vivarium usr/local/bin opt
echo 'nameserver 10.0.0.2' > etc/resolv.conf
echo ip-10-0-1-10 > etc/hostname
hostname ip-10-0-1-10
printf '127.0.0.1 localhost\n10.0.1.10 ip-10-0-1-10.ec2.internal ip-10-0-1-10\n' > etc/hosts
cat > etc/fstab <<'FSTAB'
# /etc/fstab: static file system information
UUID=26ada0c0-1165-4098-884d-aafd2220c2c6 / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1
UUID=C0DE-4A2B /boot/efi vfat defaults 0 0
FSTAB

mkdir old
pivot_root . old
umount -l /old
rmdir /old
cd /
echo up
exec > /dev/null 2>&1 < /dev/null
# A shell as the first process: it waits for the orphans of the others.
exec bash -c 'trap "exit 0" TERM; sleep infinity & while :; do wait -n || :; done'
