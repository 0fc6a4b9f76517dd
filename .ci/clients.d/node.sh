#!/usr/bin/env bash
# Installs the packages of tests/clients/node into FOLDER/node, and Node into the system if it is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1/node
mkdir -p "$folder"
if ! command -v npm > /dev/null; then
    apt-get update
    apt-get install -y --no-install-recommends nodejs npm
fi
if cmp --silent tests/clients/node/package.json "$folder/package.json" && [ -f "$folder/installed" ]; then exit 0; fi
rm -f "$folder/installed"
cp tests/clients/node/package.json "$folder/"
npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --loglevel=error
touch "$folder/installed"
