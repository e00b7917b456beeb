#!/bin/sh
# Sends the example agent's trace to Phoenix, a real backend with a user interface, and compares what it stored with what the
# example recorded. Run it by hand: Phoenix takes 850 MB in target/phoenix, and a minute to install. CI runs `ci/backends.sh` instead.
#
#   ci/phoenix.sh            checks, and stops Phoenix
#   ci/phoenix.sh --keep     lets it run until Enter is pressed, and prints the address of the trace
set -eu
cd "$(dirname "$0")/.."
home=$(realpath -m "${CARGO_TARGET_DIR:-target}")/phoenix
port=26006
base="http://127.0.0.1:$port"
project="heirloom-$$"

if [ ! -e "$home/complete" ]; then
    rm -rf "$home"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check arize-phoenix==20.26.1
    touch "$home/complete"
fi
cargo build --quiet -p heirloom-agent --example agent

mkdir -p "$home/data"
PHOENIX_WORKING_DIR="$home/data" PHOENIX_PORT=$port PHOENIX_GRPC_PORT=24317 \
    "$home/venv/bin/python" ci/phoenix/local.py >"$home/log" 2>&1 &
phoenix=$!
trap 'kill $phoenix 2>/dev/null; wait $phoenix 2>/dev/null || true' EXIT
tries=0
until python3 -c "import urllib.request as u; u.urlopen('$base/healthz', timeout=2)" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 180 ] || ! kill -0 $phoenix 2>/dev/null; then
        echo "phoenix doesn't start; its log is $home/log" >&2
        exit 1
    fi
    sleep 1
done

spans="$home/spans.jsonl"
OTEL_RESOURCE_ATTRIBUTES="openinference.project.name=$project" OTEL_EXPORTER_OTLP_ENDPOINT="$base" \
    cargo run --quiet -p heirloom-agent --example agent -- --spans "$spans" >"$home/agent.log" 2>&1 || {
    cat "$home/agent.log" >&2
    exit 1
}
python3 ci/phoenix/check.py "$base" "$project" "$spans"
if [ "${1:-}" = --keep ]; then
    echo "press Enter to stop Phoenix"
    read -r _
fi
