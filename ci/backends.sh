#!/bin/sh
# Shows the example agent's trace to a collector that nobody here wrote, over OTLP, and compares what it says it got with
# what the example recorded. Puts rotel into target/backends-venv; its program needs Python 3.11's shared library. Where
# that can't be had it says so, and the test says that it is skipped.
set -eu
cd "$(dirname "$0")/.."
venv=target/backends-venv

install() {
    # Written last: a half-made environment is made again.
    [ -e "$venv/complete" ] && return
    rm -rf "$venv"
    python3 -m venv "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check rotel==0.0.1a15 &&
        touch "$venv/complete"
}

lacks_library() {
    ldd "$1" | grep -q "not found"
}

if install; then
    rotel=$("$venv/bin/python" -c 'import os, rotel; print(os.path.join(os.path.dirname(rotel.__file__), "rotel-agent"))')
    if lacks_library "$rotel" && [ "$(id -u)" = 0 ]; then
        (apt-get update -qq && apt-get install -y -qq --no-install-recommends libpython3.11) >/dev/null 2>&1 || true
    fi
    if lacks_library "$rotel"; then
        echo "backends: rotel lacks a library (Debian's libpython3.11)"
    else
        export HEIRLOOM_ROTEL="$rotel"
    fi
else
    echo "backends: rotel can't be installed from PyPI"
fi
# As the tests before it: nothing is built twice. The first builds the program that is tested.
cargo build-all --quiet --example agent
cargo test-all --quiet --test backend -- --nocapture
[ -n "${HEIRLOOM_ROTEL:-}" ] && echo "backends: rotel got the tree" || echo "backends: skipped"
