#!/usr/bin/env bash
# Fetches packages of Debian and unpacks them as install.sh does: nothing is installed, no service is enabled, nothing outside the
# folder changes. Prints that folder. A second run does nothing.
#   packages.sh NAME PACKAGE...
set -euo pipefail

name="$1" packages=("${@:2}")
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "$name: the end-to-end suites need Debian or Ubuntu (apt-get, dpkg-deb)" >&2
  exit 3
}

candidates() { apt-cache policy "${packages[@]}" | awk '/^[^ ]/ {sub(":$", ""); name = $0} /Candidate:/ {print name "_" $2}'; }
known() { [[ "$(candidates | grep -vc '(none)$')" == "${#packages[@]}" ]]; }
known || apt-get update -qq >&2

key="$name-v1+$(candidates | tr '\n' '+')"
root="$cache/$name-$(printf '%s' "$key" | sha256sum | cut -c1-16)"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && { apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" || { apt-get update -qq && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}"; }; }) >&2
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  touch "$work/root/.complete"
  mv -T "$work/root" "$root" 2>/dev/null || [[ -f "$root/.complete" ]]
fi
echo "$root"
