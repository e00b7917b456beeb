#!/bin/sh
# Reports of a million spans: the time to make one when a program finishes, and its memory; the time to write them, their size, the time to open them, and frames while they are zoomed and panned.
# Fails beyond the limits that insight/web/README.md states. Screenshots are in target/report/shots afterwards. Run it on a quiet machine; CI doesn't.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/report-setup.sh"
cd "$here/.."
samples="${CARGO_TARGET_DIR:-$PWD/target}/report"
cargo build --release --quiet -p heirloom-insight --example report_samples
"${CARGO_TARGET_DIR:-target}/release/examples/report_samples" "$samples" million million-random
(cd insight/web && node test/speed.mjs "$samples/million.html" "$samples/million-random.html")
cargo test --release --quiet -p heirloom-insight --test html_file -- --ignored --nocapture a_million_spans
