#!/usr/bin/env bash
# Fetches the Debian packages that the end-to-end suites talk to and unpacks them into a folder of their own: nothing is
# installed, no service is enabled, nothing outside the folder changes. Prints that folder. A second run does nothing.
set -euo pipefail

packages=(prometheus prometheus-alertmanager prometheus-node-exporter strace libfaketime)
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "peers: the end-to-end suites need Debian or Ubuntu (apt-get, dpkg-deb)" >&2
  exit 3
}

candidate() { apt-cache policy "$1" | awk '/Candidate:/ {print $2}'; }
for package in "${packages[@]}"; do
  version="$(candidate "$package")"
  if [[ -z "$version" || "$version" == "(none)" ]]; then
    apt-get update -qq >&2
    break
  fi
done

key="v3+"
for package in "${packages[@]}"; do key+="${package}_$(candidate "$package")+"; done
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
