#!/usr/bin/env bash
# Fetches Debian's PostgreSQL 15 and unpacks it as install.sh does: nothing is installed, no cluster is made, nothing outside
# the folder changes. Prints that folder. A second run does nothing.
set -euo pipefail

packages=(postgresql-15 openssl libpq5 libicu72 libxml2 libldap-2.5-0 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1
  libcom-err2 liblz4-1 libzstd1 libsystemd0 libcap2 libgcrypt20 libgpg-error0 libnettle8 libhogweed6 libgnutls30 libssl3 libffi8 libgmp10
  libidn2-0 libp11-kit0 libtasn1-6 libunistring2)
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
  echo "postgres: the end-to-end suites need Debian 12 (apt-get, dpkg-deb)" >&2
  exit 3
}

candidates() { apt-cache policy "${packages[@]}" | awk '/^[^ ]/ {sub(":$", ""); name = $0} /Candidate:/ {print name "_" $2}'; }
known() { [[ "$(candidates | grep -vc '(none)$')" == "${#packages[@]}" ]]; }
known || apt-get update -qq >&2

key="postgres-v1+$(candidates | tr '\n' '+')"
root="$cache/postgres-$(printf '%s' "$key" | sha256sum | cut -c1-16)"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  (cd "$work" && { apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" || { apt-get update -qq && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}"; }; }) >&2
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  # Only what a server needs: no just-in-time compiler, no documentation.
  rm -rf "$work/root/usr/lib/postgresql/15/lib/bitcode" "$work/root/usr/lib/postgresql/15/lib/"llvmjit* "$work/root/usr/share/doc" "$work/root/usr/share/locale"
  LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu" "$work/root/usr/lib/postgresql/15/bin/postgres" --version >/dev/null
  touch "$work/root/.complete"
  mv -T "$work/root" "$root" 2>/dev/null || [[ -f "$root/.complete" ]]
fi
echo "$root"
