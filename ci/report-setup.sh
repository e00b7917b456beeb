#!/bin/sh
# Installs what the report's tests need and a machine may lack: Chromium with fonts, and the packages that insight/web/package-lock.json pins.
set -eu
cd "$(dirname "$0")/../insight/web"
if ! command -v chromium >/dev/null; then
    echo "installing chromium"
    (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji) >/dev/null
fi
[ -d node_modules ] && [ ! package-lock.json -nt node_modules ] && exit 0
npm ci --silent --no-audit --no-fund --ignore-scripts
touch node_modules
