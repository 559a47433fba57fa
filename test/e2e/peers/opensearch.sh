#!/usr/bin/env bash
# Fetches OpenSearch's own jars from Maven and compiles the few lines that start a node from them. Prints the folder; it has
# classes/ and lib/. A second run does nothing.
set -euo pipefail

version=2.19.6
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
root="$cache/opensearch-$version-$(sha256sum "$here/OpenSearchPeer.java" | cut -c1-8)"
if [[ ! -d "$root" ]]; then
  command -v mvn >/dev/null && command -v javac >/dev/null || {
    echo "peers: OpenSearch is started from its Maven jars, and there is no mvn or no javac" >&2
    exit 3
  }
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>peer.local</groupId><artifactId>opensearch</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.opensearch</groupId><artifactId>opensearch</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.opensearch.plugin</groupId><artifactId>transport-netty4-client</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
POM
  (cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=root/lib) >&2
  javac -cp "$work/root/lib/*" -d "$work/root/classes" "$here/OpenSearchPeer.java" >&2
  # Another run may have been faster; its folder is as good.
  mv -T "$work/root" "$root" 2>/dev/null || [[ -d "$root" ]]
fi
echo "$root"
