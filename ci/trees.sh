#!/bin/sh
# Ten million random trees in a thousand configurations of ring size, threads and caps, compared with a reference model:
# no orphan, and the ledger exact after every batch. Takes about twenty minutes on two cores.
#
#   ci/trees.sh [TREES [CONFIGURATIONS [SEED]]]
set -eu
cd "$(dirname "$0")/.."
HEIRLOOM_TREES="${1:-10000000}" HEIRLOOM_CONFIGURATIONS="${2:-1000}" HEIRLOOM_SEED="${3:-$(date +%s)}"
export HEIRLOOM_TREES HEIRLOOM_CONFIGURATIONS HEIRLOOM_SEED
echo "HEIRLOOM_SEED=$HEIRLOOM_SEED"
exec cargo test --release -p heirloom-core --test model -- --nocapture
