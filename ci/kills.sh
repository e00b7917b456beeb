#!/usr/bin/env bash
# Kills recording processes at random moments; no span that they had finished may be missing. Nine tenths are forked writers
# of the real ring, one tenth are programs that use the public API.
#
#   ci/kills.sh            100,000 kills, about twenty minutes on two cores
#   ci/kills.sh 20000      fewer
#
# Then 10,000 attached children start and exit, and must leave no descriptor, mapping, thread or zombie.
set -euo pipefail
cd "$(dirname "$0")/.."

export HEIRLOOM_KILLS="${1:-100000}"
export HEIRLOOM_CYCLES="${CYCLES:-10000}"
cargo test --release -p heirloom-ipc --test kills -- --nocapture --test-threads 1 2>/dev/null
cargo test --release -p heirloom-ipc --test attached children_come_and_go -- --nocapture
