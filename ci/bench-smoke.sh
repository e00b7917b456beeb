#!/bin/sh
# Runs every bench and all binaries of the comparison once, briefly. It checks that they work and that no promise is
# broken. The numbers mean nothing.
set -eu

cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# With the features of the tests, so that nothing is built twice.
cargo test-all --quiet --benches -- --smoke --out "$out/benches" >"$out/log" || { cat "$out/log"; exit 1; }
for bench in seven_ways record encode futures drain rayon locks sampler latency threads overload processes; do
    test -s "$out/benches/"*"-$bench/results.json" || { echo "$bench wrote no results" >&2; exit 1; }
done
for binary in contention single defaults; do
    cargo run --quiet --package heirloom-compare --bin "$binary" -- --smoke --out "$out/$binary" >"$out/log" ||
        { cat "$out/log"; exit 1; }
done
echo "bench smoke: ok"
