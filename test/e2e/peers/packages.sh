#!/usr/bin/env bash
# Fetches packages of Debian, as debian.sh does, and prints their folder.
#   packages.sh NAME PACKAGE...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

unpacked "$1" v1 "${@:2}"
