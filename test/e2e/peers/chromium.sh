#!/usr/bin/env bash
# Installs Debian's chromium, which the suite of the page drives; it looks for it at /usr/bin/chromium. Unlike the other peers
# it cannot be unpacked into a folder of its own: it brings dozens of libraries along. Does nothing where it is there.
set -euo pipefail

[[ -x /usr/bin/chromium ]] && exit 0
command -v apt-get >/dev/null || {
  echo "peers: the suite of the page needs Debian's chromium (apt-get install chromium)" >&2
  exit 3
}
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >&2 ||
  { apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >&2; }
