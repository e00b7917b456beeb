#!/bin/sh
# Sends the example agent's trace over OTLP to rotel, a third-party collector, and compares the spans in the collector's log
# with those that the example recorded. The example hello_otlp sends its spans there in both forms of OTLP, with nothing but the
# environment's endpoint. Installs rotel into target/backends-venv; its program needs Python 3.11's shared
# library. If that can't be installed, the script prints it, and the test prints that it is skipped.
set -eu
cd "$(dirname "$0")/.."
venv=target/backends-venv

install() {
    # Written last: an incomplete environment is created again.
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
# With the features of the earlier tests, so that nothing is built twice. The first command builds the tested
# programs.
cargo build-all --quiet --example agent --example hello_otlp
cargo test-all --quiet --test backend -- --nocapture
[ -n "${HEIRLOOM_ROTEL:-}" ] && echo "backends: rotel received the spans" || echo "backends: skipped"
