#!/usr/bin/env bash
# Sourced by the scripts beside it: packages of Debian, unpacked into a folder of their own. Nothing is installed, no service is
# enabled, nothing outside the folder changes.

# unpacked NAME VERSION PACKAGE...: prints the folder; a second run does nothing. VERSION counts what `finish ROOT` does, which the
# script may define: it mends what was unpacked, and fails when that does not run.
unpacked() (
  set -euo pipefail
  name="$1" version="$2" packages=("${@:3}")
  cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "$name: the end-to-end suites need Debian or Ubuntu (apt-get, dpkg-deb)" >&2
    exit 3
  }
  # One question for all of them: each costs apt seconds. A line each: NAME_VERSION.
  candidates() { apt-cache policy "${packages[@]}" | awk '/^[^ ]/ {sub(":$", ""); name = $0} /Candidate:/ {print name "_" $2}'; }
  known() { [[ "$(candidates | grep -vc '(none)$')" == "${#packages[@]}" ]]; }
  known || apt-get update -qq >&2

  key="$name-$version+$(candidates | tr '\n' '+')"
  root="$cache/$name-$(printf '%s' "$key" | sha256sum | cut -c1-16)"
  if [[ ! -f "$root/.complete" ]]; then
    mkdir -p "$cache"
    work="$(mktemp -d "$cache/fetch.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    fetch() { apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}"; }
    (cd "$work" && { fetch || { apt-get update -qq && fetch; }; }) >&2
    for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
    if declare -F finish >/dev/null; then finish "$work/root"; fi
    touch "$work/root/.complete"
    # Another run may have been faster; its folder is as good.
    mv -T "$work/root" "$root" 2>/dev/null || [[ -f "$root/.complete" ]]
  fi
  echo "$root"
)
