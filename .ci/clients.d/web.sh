#!/usr/bin/env bash
# Installs nginx and Chromium into the system if they are missing; FastAPI, Next.js and what the pages need into FOLDER/web.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1/web
sources=tests/clients/web

missing=()
PATH=$PATH:/usr/sbin command -v nginx >/dev/null || missing+=(nginx)
command -v chromium >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if ! cmp -s "$sources/requirements.txt" "$folder/python/installed.txt"; then
    python -m venv --clear "$folder/python"
    "$folder/python/bin/pip" install --quiet --requirement "$sources/requirements.txt"
    cp "$sources/requirements.txt" "$folder/python/installed.txt"
fi

for package in next browser; do
    if ! cmp -s "$sources/$package/package.json" "$folder/$package/installed.json"; then
        mkdir -p "$folder/$package"
        cp "$sources/$package/package.json" "$folder/$package/"
        (cd "$folder/$package" && npm install --no-package-lock --no-audit --no-fund --loglevel=error)
        cp "$sources/$package/package.json" "$folder/$package/installed.json"
    fi
done
