#!/bin/sh
# Runs every bench and both binaries of the comparison once, briefly: a check that they work and that no promise is
# broken. The numbers mean nothing.
set -eu

cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# As the tests: nothing is built twice.
cargo test-all --quiet --benches -- --smoke --out "$out/benches" >"$out/log" || { cat "$out/log"; exit 1; }
for bench in seven_ways record futures drain rayon latency threads processes; do
    test -s "$out/benches/"*"-$bench/results.json" || { echo "$bench wrote no results" >&2; exit 1; }
done
for binary in contention single; do
    cargo run --quiet --package heirloom-compare --bin "$binary" -- --smoke --out "$out/$binary" >"$out/log" ||
        { cat "$out/log"; exit 1; }
done
echo "bench smoke: ok"
