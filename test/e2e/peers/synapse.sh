#!/usr/bin/env bash
# Installs Synapse, the Matrix homeserver, from PyPI, and prints its folder.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/pypi.sh"

installed synapse matrix-synapse 1.163.2 synapse.app.homeserver
