#!/usr/bin/env bash
# Renders the chart into watchkeeper.yaml, so that both ways of installing are one. A test compares. usage: render.sh [helm]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
{
  echo '# Rendered from deploy/helm/watchkeeper with values.yaml beside this: base/render.sh.'
  "${1:-helm}" template watchkeeper ../../helm/watchkeeper --namespace watchkeeper --values values.yaml |
    grep -v '^# Source: ' | sed -e 's#managed-by: Helm#managed-by: kustomize#' -e '/helm.sh\/chart:/d'
}
