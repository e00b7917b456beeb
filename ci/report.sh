#!/bin/sh
# The HTML report in a real browser. Checks the types of its script, rebuilds it with the pinned esbuild and compares it with the committed
# one, writes reports of invented runs, and opens them in Chromium. Screenshots are in target/report/shots afterwards.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
"$here/report-setup.sh"
cd "$here/.."
samples="${CARGO_TARGET_DIR:-$PWD/target}/report"
# With the features of the tests, so that nothing is built again.
cargo build-all --quiet --example report_samples
"${CARGO_TARGET_DIR:-target}/debug/examples/report_samples" "$samples" small one-lane lanes hostile pipeline empty comparison comparison-hostile
cd insight/web
npm run --silent check
node build.mjs --compare
# A reporter whose closing lines count the tests.
SAMPLES="$samples" node --test --test-reporter=spec test/bars.test.mjs test/report.test.mjs test/comparison.test.mjs
