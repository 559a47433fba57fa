#!/usr/bin/env bash
# Builds a Kubernetes control plane and the tools that packagers use from their published Go modules, in the versions that
# go.mod beside this names and go.sum pins, into a cache outside the clone. Prints the folder with the programs; a second
# run does nothing. Two runs at once: one builds, the other waits for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

programs=(k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubectl} sigs.k8s.io/kwok/cmd/kwok
  helm.sh/helm/v3/cmd/helm github.com/yannh/kubeconform/cmd/kubeconform)
cache="${WATCHKEEPER_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/watchkeeper-e2e}"
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0

needs() {
  echo "kubernetes peers: $1" >&2
  exit 3
}
command -v go >/dev/null || needs "building the control plane needs Go, at least the version in test/e2e/peers/kubernetes/go.mod"
command -v setpriv >/dev/null || needs "setpriv (Debian: util-linux) ends the control plane with the suite; install it"
command -v openssl >/dev/null || needs "the control plane's certificates are made with openssl; install it"
go list -m >/dev/null || needs "$(go version) does not take test/e2e/peers/kubernetes/go.mod; see the line above"

key="$({ echo v1 && cat go.mod go.sum etcd/main.go && go version; } | sha256sum | cut -c1-16)"
root="$cache/kubernetes-$key"
if [[ ! -f "$root/.complete" ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/kubernetes.lock"
  flock -w 2400 9 || needs "another run has been building for 40 minutes; is it stuck? It holds $cache/kubernetes.lock"
fi
if [[ ! -f "$root/.complete" ]]; then
  echo "kubernetes peers: building the control plane; this takes minutes, once" >&2
  work="$(mktemp -d "$cache/build.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  version="$(go list -m -f '{{.Version}}' k8s.io/kubernetes)" helm="$(go list -m -f '{{.Version}}' helm.sh/helm/v3)"
  minor="$(cut -d. -f2 <<<"$version")"
  stamp="k8s.io/component-base/version" chart="helm.sh/helm/v3/pkg/chartutil"
  # Without the version stamps the API server is v0.0.0 and Helm believes in Kubernetes 1.20. Without debugging information
  # it builds faster and is a third of the size.
  links="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean
    -X helm.sh/helm/v3/internal/version.version=$helm -X $chart.k8sVersionMajor=1 -X $chart.k8sVersionMinor=$minor"
  started=$SECONDS
  # From a copy: a checkout that changes while it builds, for a rebase say, does not break it.
  mkdir "$work/src" "$work/bin"
  cp -r go.mod go.sum etcd "$work/src/"
  build=(go build -C "$work/src" -buildvcs=false -trimpath -gcflags=all=-dwarf=false -ldflags "$links" -o "$work/bin/")
  timeout 2400 nice -n 5 "${build[@]}" ./etcd "${programs[@]}" >&2 ||
    needs "the build failed; see above. It needs the Go module proxy (GOPROXY=$(go env GOPROXY)), 6 GB of disk and 3 GB of memory"
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kwok; do "$work/bin/$program" --version >/dev/null; done
  echo "kubernetes peers: built $version in $((SECONDS - started)) s" >&2
  touch "$work/bin/.complete"
  mv -T "$work/bin" "$root"
fi
echo "$root"
