#!/usr/bin/env bash
# Starts the daemon as a container engine would, without one: in a mount namespace of its own, from a root that is read-only
# and holds the image and nothing else, as user 65532 without any capability. Only /data and /tmp can be written.
# usage (as root): unshare --mount --pid --fork --kill-child image.sh FOLDER NODE APP CONFIG [argument...]; FOLDER is empty, and gets data/ and tmp/.
set -euo pipefail
folder="$1" node="$2" app="$3" config="$4"
shift 4
root="$folder/root"
mkdir -p "$root"/{nodejs/bin,app,data,tmp,proc,dev,etc/watchkeeper,lib64} "$folder"/{data,tmp}
chown 65532:65532 "$folder/data" "$folder/tmp"

# What distroless/nodejs has: Node, the libraries it is linked with, a user, nothing to run a shell with.
cp "$node" "$root/nodejs/bin/node"
ldd "$node" | grep -o '/[^ ]*' | while read -r library; do install -D "$library" "$root$library"; done
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
cp -r "$app/." "$root/app/"
cp "$config" "$root/etc/watchkeeper/watchkeeper.yaml"
for device in null zero urandom random; do touch "$root/dev/$device"; done

mount --make-rprivate /
mount --bind "$root" "$root"
for device in null zero urandom random; do mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t proc proc "$root/proc"
mount --bind "$folder/data" "$root/data"
mount --bind "$folder/tmp" "$root/tmp"
mount -o remount,bind,ro "$root"
# This shell stays as the first process of its namespace, so that all ends with it; the daemon is its only child. What chroot
# needs of capabilities is gone with the user; new ones cannot be had.
env -i PATH=/nodejs/bin NODE_ENV=production WATCHKEEPER_DATA_DIR=/data WATCHKEEPER_LOG_FORMAT=json \
  "$(command -v setpriv)" --no-new-privs --inh-caps=-all --bounding-set=-all,+sys_chroot,+setuid,+setgid \
  "$(command -v chroot)" --userspec=65532:65532 --groups= "$root" \
  /nodejs/bin/node --max-semi-space-size=2 /app/dist/main.js "$@" &
wait $!
