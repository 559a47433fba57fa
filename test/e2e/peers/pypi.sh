#!/usr/bin/env bash
# Sourced by the scripts beside it: a package of PyPI in a folder of its own outside the clone.

# installed NAME PACKAGE VERSION MODULES: prints the folder, once those modules can be imported; a second run does nothing.
installed() (
  set -euo pipefail
  name="$1" package="$2" version="$3" modules="$4"
  cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
  root="$cache/$name-$version"
  if [[ ! -f "$root/.complete" ]]; then
    mkdir -p "$cache"
    rm -rf "$root"
    python3 -m venv "$root" >&2 || { echo "$name: needs python3 with venv" >&2; exit 3; }
    "$root/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$package==$version" >&2
    "$root/bin/python" -c "import $modules"
    touch "$root/.complete"
  fi
  echo "$root"
)
