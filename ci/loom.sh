#!/bin/sh
# Runs the loom models of the shards' protocol: each unchanged, and then with each of its mutants, which must fail.
# Prints a table; exits non-zero if a model is broken, a mutant survives, or a model was hardly explored.
#
#   ci/loom.sh            all models, three preemptions, some seconds (the limit is five minutes)
#   PREEMPTIONS=5 ci/loom.sh    deeper
set -eu
cd "$(dirname "$0")/.."

# A separate target directory: otherwise the flags would invalidate the other builds.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/loom"
export RUSTFLAGS="--cfg loom"
export HEIRLOOM_PREEMPTIONS="${PREEMPTIONS:-3}"

cargo test --quiet -p heirloom-core --lib --release models --no-run
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
timeout 300 cargo test -p heirloom-core --lib --release models -- --nocapture --test-threads 1 >"$out" 2>&1 || status=$?

echo "model                        | ordering           | executions | verdict  |  time    | how it failed"
sed -n 's/^.*model | /  /p' "$out" | sed 's/^  //'
count() { grep -c "| $1 " "$out" || true; }
models=$(count clean)
caught=$(count caught)
echo "$models models, $caught mutants caught, $(count SURVIVED) survived"
if [ "$status" -ne 0 ]; then
    grep -v "^model |" "$out" | tail -40
    echo "loom: failed (status $status; 124 is the time limit)" >&2
    exit 1
fi
# All models must run: the script fails if one is filtered out or renamed.
if [ "$models" -lt 11 ] || [ "$caught" -lt $((2 * models)) ]; then
    echo "loom: expected at least 11 models with two mutants each" >&2
    exit 1
fi
