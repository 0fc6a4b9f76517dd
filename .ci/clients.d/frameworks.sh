#!/usr/bin/env bash
# Installs each Python framework of tests/clients/frameworks into an environment of its own, FOLDER/frameworks/NAME: they need other versions of the SDK.
set -euo pipefail
cd "$(dirname "$0")/../.."
for wanted in tests/clients/frameworks/requirements/*.txt; do
    folder=$1/frameworks/$(basename "$wanted" .txt)
    if cmp --silent "$wanted" "$folder/installed"; then continue; fi
    rm -rf "$folder"
    python -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --requirement "$wanted"
    cp "$wanted" "$folder/installed"
done
