#!/bin/sh
# Random trees through queues that overflow, to several exporters of random speed: every missing parent is counted as torn, and all
# counts add up. Then two floods at full size. Takes about twenty minutes on two cores.
#
#   ci/queues.sh [RUNS [SEED]]
set -eu
cd "$(dirname "$0")/.."
HEIRLOOM_QUEUES="${1:-10000}" HEIRLOOM_SEED="${2:-$(date +%s)}"
HEIRLOOM_FLAT_OUT=5000000 HEIRLOOM_THREADS=100 HEIRLOOM_SPANS=10000
export HEIRLOOM_QUEUES HEIRLOOM_SEED HEIRLOOM_FLAT_OUT HEIRLOOM_THREADS HEIRLOOM_SPANS
echo "HEIRLOOM_SEED=$HEIRLOOM_SEED"
exec cargo test --release -p heirloom-core --test queues -- --nocapture --test-threads 1
