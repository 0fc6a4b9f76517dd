#!/usr/bin/env bash
# Installs curl into the system if it is missing, and the version of the Python SDK that the table of outcomes is of.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v curl >/dev/null; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends curl
fi
version=$(python -c 'import runpy; print(runpy.run_path("tests/clients/outcomes_python.py")["VERSION"])')
if ! python -c "import anthropic, sys; sys.exit(anthropic.__version__ != '$version')"; then
    python -m pip install --quiet "anthropic==$version"
fi
