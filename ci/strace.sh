#!/bin/sh
# The recording thread makes no system call per span. This script counts the calls of `core/examples/steady.rs`, which
# records a million spans on one thread. The remaining calls are wake-ups of the collector, and the program's start and end.
# A thread wakes the collector at most once for each 64 KiB that it writes: 1,100 times for these 72 MB. How often it does
# depends on what else the machine does; mostly 200 to 400 times.
#
#   ci/strace.sh [MOST]     fails if there are more than MOST of them (default: 1200)
set -eu
cd "$(dirname "$0")/.."
most="${1:-1200}"
cargo build --profile bench -q -p heirloom-core --example steady
steady="${CARGO_TARGET_DIR:-target}/release/examples/steady"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
# One file for each thread: all calls of all threads.
strace -ff -o "$out/calls" "$steady" > "$out/said"
cat "$out/said"
thread="$(sed -n 's/^recording thread: //p' "$out/said")"
grep -q 'ledger: begun=1000001 .*balanced=yes' "$out/said"
calls="$(grep -c '^[a-z]' "$out/calls.$thread")"
echo "system calls of the recording thread ($thread):"
sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$out/calls.$thread" | sort | uniq -c | sort -rn
echo "$calls calls for 1000001 spans (at most $most)"
[ "$calls" -le "$most" ]
