#!/usr/bin/env bash
# Fetches the Debian packages that the end-to-end suites talk to and unpacks them into a folder of their own: nothing is
# installed, no service is enabled, nothing outside the folder changes. Prints that folder. A second run does nothing.
set -euo pipefail

packages=(prometheus prometheus-alertmanager prometheus-node-exporter strace libfaketime
  systemd libsystemd-shared libsystemd0 dbus dbus-daemon dbus-bin dbus-system-bus-common libdbus-1-3 libapparmor1 libaudit1 libcap-ng0
  polkitd libpolkit-gobject-1-0 libpolkit-agent-1-0 libduktape207 libglib2.0-0 libexpat1)
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "peers: the end-to-end suites need Debian or Ubuntu (apt-get, dpkg-deb)" >&2
  exit 3
}

# One question for all of them: each costs apt seconds. A line each: NAME_VERSION.
candidates() { apt-cache policy "${packages[@]}" | awk '/^[^ ]/ {sub(":$", ""); name = $0} /Candidate:/ {print name "_" $2}'; }
known() { [[ "$(candidates | grep -vc '(none)$')" == "${#packages[@]}" ]]; }
known || apt-get update -qq >&2

key="v4+$(candidates | tr '\n' '+')"
root="$cache/$(printf '%s' "$key" | sha256sum | cut -c1-16)"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && { apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" || { apt-get update -qq && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}"; }; }) >&2
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  # Debian's Alertmanager opens its templates under /usr/share, where nothing is put here. Its unpacked copy is pointed at the
  # same file names in its working folder instead: a path of the same length, for Go keeps strings with their lengths.
  LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#./././././././././././././././././#g' "$work/root/usr/bin/prometheus-alertmanager"
  for program in prometheus prometheus-alertmanager prometheus-node-exporter strace; do
    "$work/root/usr/bin/$program" --version >/dev/null 2>&1 || "$work/root/usr/bin/$program" -V >/dev/null
  done
  touch "$work/root/.complete"
  # Another run may have been faster; its folder is as good.
  mv -T "$work/root" "$root" 2>/dev/null || [[ -f "$root/.complete" ]]
fi
echo "$root"
