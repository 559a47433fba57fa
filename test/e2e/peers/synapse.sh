#!/usr/bin/env bash
# Installs Synapse, the Matrix homeserver, from PyPI into a folder of its own outside the clone. Prints that folder. A second
# run does nothing.
set -euo pipefail

version=1.163.2
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
root="$cache/synapse-$version"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  rm -rf "$root"
  python3 -m venv "$root" >&2 || { echo "synapse: needs python3 with venv" >&2; exit 3; }
  "$root/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "matrix-synapse==$version" >&2
  "$root/bin/python" -c 'import synapse.app.homeserver'
  touch "$root/.complete"
fi
echo "$root"
