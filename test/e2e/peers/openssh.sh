#!/usr/bin/env bash
# Fetches Debian's OpenSSH server, busybox and shellcheck, as debian.sh does, and prints their folder.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

unpacked openssh v1 openssh-server openssh-client libwrap0 busybox-static shellcheck
