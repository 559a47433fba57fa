#!/usr/bin/env bash
# Installs moto's server, which stands for AWS, and botocore, the second client, from PyPI into a folder of their own outside
# the clone. Prints that folder. A second run does nothing.
set -euo pipefail

version=5.2.5
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
root="$cache/moto-$version"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  rm -rf "$root"
  python3 -m venv "$root" >&2 || { echo "moto: needs python3 with venv" >&2; exit 3; }
  "$root/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "moto[server]==$version" >&2
  "$root/bin/python" -c 'import moto.server, botocore.session'
  touch "$root/.complete"
fi
echo "$root"
