#!/bin/sh
# What arrives when the backend is slow, away, full or hostile: a table, through Langfuse and through OTLP.
# `benches/outages` says which cases there are, and `benches/README.md` what came out.
#
#   ci/outages.sh [--smoke] [--out DIR] [PART OF A NAME ..]
set -eu
cd "$(dirname "$0")/.."
exec cargo run --quiet --release -p heirloom-outages -- "$@"
