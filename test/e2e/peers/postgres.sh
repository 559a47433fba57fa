#!/usr/bin/env bash
# Fetches PostgreSQL 15 of Debian 12, as debian.sh does, and prints its folder. No cluster is made.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

finish() {
  # Only what a server needs: no just-in-time compiler, no documentation.
  rm -rf "$1/usr/lib/postgresql/15/lib/bitcode" "$1/usr/lib/postgresql/15/lib/"llvmjit* "$1/usr/share/doc" "$1/usr/share/locale"
  LD_LIBRARY_PATH="$1/usr/lib/x86_64-linux-gnu:$1/lib/x86_64-linux-gnu" "$1/usr/lib/postgresql/15/bin/postgres" --version >/dev/null
}

unpacked postgres v1 postgresql-15 openssl libpq5 libicu72 libxml2 libldap-2.5-0 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 \
  libkeyutils1 libcom-err2 liblz4-1 libzstd1 libsystemd0 libcap2 libgcrypt20 libgpg-error0 libnettle8 libhogweed6 libgnutls30 libssl3 libffi8 libgmp10 \
  libidn2-0 libp11-kit0 libtasn1-6 libunistring2
