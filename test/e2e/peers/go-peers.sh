#!/usr/bin/env bash
# Builds the log and trace stores that the end-to-end suites talk to from their Go modules, each into a folder of the cache
# that its version names. Prints the program's path. A second run does nothing.   usage: go-peers.sh victorialogs|jaeger
set -euo pipefail

case "${1:-}" in
  victorialogs) module=github.com/VictoriaMetrics/VictoriaLogs version=v1.52.1 package=app/victoria-logs ;;
  jaeger) module=github.com/jaegertracing/jaeger version=v1.76.0 package=cmd/all-in-one ;;
  *) echo "usage: go-peers.sh victorialogs|jaeger" >&2; exit 2 ;;
esac
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
program="$cache/$1-$version/$1"
if [[ ! -x "$program" ]]; then
  command -v go >/dev/null || { echo "peers: $1 is built from its Go module, and there is no go" >&2; exit 3; }
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/build.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  # In a module of its own, since a module with replace directives cannot be installed by name.
  (cd "$work" && go mod init peer.local/build && go get -tool "$module/$package@$version" &&
    CGO_ENABLED=0 nice -n 5 go build -buildvcs=false -p 1 -ldflags='-s -w' -o "bin/$1" "$module/$package") >&2
  mkdir -p "$(dirname "$program")"
  # Another run may have been faster; its program is as good.
  mv "$work/bin/$1" "$program"
fi
echo "$program"
