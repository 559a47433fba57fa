#!/usr/bin/env bash
# Installs moto's server, which stands for AWS, and botocore, the second client, from PyPI, and prints their folder.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/pypi.sh"

installed moto 'moto[server]' 5.2.5 'moto.server, botocore.session'
