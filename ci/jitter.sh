#!/usr/bin/env bash
# Runs all tests while their threads pause at random places (ci/jitter/pauses.c): finds tests that hope for an order of events. A
# campaign, by hand. What must not be slow fails too: deadlines of receivers and of tests with thousands of threads.
#
#   ci/jitter.sh [ROUNDS] [ARGUMENT OF cargo test ..]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds="${1:-1}"
shift || true
mkdir -p target/jitter
gcc -O2 -shared -fPIC -o target/jitter/pauses.so ci/jitter/pauses.c -ldl
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="env LD_PRELOAD=$PWD/target/jitter/pauses.so"
for round in $(seq "$rounds"); do
    echo "::: round $round of $rounds"
    cargo test-all --no-fail-fast "$@" >"target/jitter/$round.log" 2>&1 || true
    grep -E "^test .* FAILED$|^test result: FAILED" "target/jitter/$round.log" || echo "nothing failed"
done
