#!/usr/bin/env bash
# A machine under a real systemd, in namespaces of its own: its root is this machine's, with Debian's systemd and message bus
# laid over it and every change kept in memory. Run as root by systemd.ts, through unshare. Nothing outside is touched.
#   systemd.sh FOLDER PEERS CLONE
set -euo pipefail
folder="$1" peers="$2" clone="$3"
root="$folder/root"

mount --make-rprivate /
mkdir -p "$folder/layer" "$root"
mount -t tmpfs tmpfs "$folder/layer"
mkdir "$folder/layer/changes" "$folder/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/layer/changes,workdir=$folder/layer/work" "$root"
# What Debian calls /lib is a link into /usr.
tar -C "$peers" --exclude='./usr/bin/prometheus*' --exclude=./usr/share/doc -c . | tar -C "$root" --keep-directory-symlink -x

# A /dev of its own: journald would otherwise point this machine's /dev/log at itself.
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do
  read -r name minor <<<"$device"
  mknod -m 666 "$root/dev/$name" c 1 "$minor"
done
mknod -m 666 "$root/dev/tty" c 5 0
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
for place in run tmp var/log; do mount -t tmpfs tmpfs "$root/$place"; done
chmod 1777 "$root/tmp"
if [[ "$(stat -f -c %T /sys/fs/cgroup)" == cgroup2fs ]]; then
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys"
  mkdir -p "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi

# None of this machine's own units: only what the test writes, the bus and the journal.
rm -rf "$root/etc/systemd/system"
mkdir -p "$root/etc/systemd/system" "$root/etc/watchkeeper" "$root/opt/watchkeeper"
mount --bind -o ro "$clone" "$root/opt/watchkeeper"
# What it would do at the start to a kernel that is not its own.
for unit in systemd-sysctl.service systemd-modules-load.service systemd-remount-fs.service systemd-journald-audit.socket; do
  ln -s /dev/null "$root/etc/systemd/system/$unit"
done
cat >"$root/etc/systemd/system/watch.target" <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=dbus.socket dbus.service systemd-journald.service systemd-journald.socket
UNIT
member() { grep -q "^$1:" "$root/etc/group" || echo "$1:x:$2:" >>"$root/etc/group"; }
user() { grep -q "^$1:" "$root/etc/passwd" || echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >>"$root/etc/passwd"; }
member systemd-journal 981 && member messagebus 982 && member watchkeeper 983
user messagebus 982 && user watchkeeper 983

# Not a mere chroot: systemd moves mounts about under the root of its units.
cd "$root"
mkdir -p outside
pivot_root . outside
umount --lazy /outside
exec env -i container=watchkeeper-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/lib/systemd/systemd --system --unit=watch.target --log-target=journal
