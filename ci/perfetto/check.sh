#!/bin/sh
# Draws the workload of core's tests, a parallel program with worker processes, and checks in Perfetto's trace processor
# that every span, parent, lane and arrow is there, also in files that were cut short.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/setup.sh")
cd "$here/../.."
out=target/perfetto
mkdir -p "$out"
# With the features of the tests: nothing is built anew.
HEIRLOOM_CHROME_OUT="$PWD/$out" cargo test --quiet --all-features --lib every_span_and_arrow_of_a_parallel_program
for name in fine coarse; do
    "$python" "$here/check.py" "$out/$name.json" "$out/$name.truth.json" --cuts 40
    "$python" "$here/check.py" "$out/$name.json"
done
