#!/usr/bin/env bash
# Fetches the Debian packages that the end-to-end suites talk to, as debian.sh does, and prints their folder.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

finish() {
  # Debian's Alertmanager opens its templates under /usr/share, where nothing is put here. Its unpacked copy is pointed at the
  # same file names in its working folder instead: a path of the same length, for Go keeps strings with their lengths.
  LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#./././././././././././././././././#g' "$1/usr/bin/prometheus-alertmanager"
  for program in prometheus prometheus-alertmanager prometheus-node-exporter strace; do
    "$1/usr/bin/$program" --version >/dev/null 2>&1 || "$1/usr/bin/$program" -V >/dev/null
  done
}

unpacked peers v4 prometheus prometheus-alertmanager prometheus-node-exporter strace libfaketime \
  systemd libsystemd-shared libsystemd0 dbus dbus-daemon dbus-bin dbus-system-bus-common libdbus-1-3 libapparmor1 libaudit1 libcap-ng0 \
  polkitd libpolkit-gobject-1-0 libpolkit-agent-1-0 libduktape207 libglib2.0-0 libexpat1
