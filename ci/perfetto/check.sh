#!/bin/sh
# Writes a trace file of the workload in core's tests, a parallel program with worker processes. Then it checks in Perfetto's
# trace processor that every span, parent, lane and arrow is there, also in truncated files.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/setup.sh")
cd "$here/../.."
out=target/perfetto
mkdir -p "$out"
# With the features of the tests, so that nothing is built again.
HEIRLOOM_CHROME_OUT="$PWD/$out" cargo test-all --quiet --lib every_span_and_arrow_of_a_parallel_program
for name in fine coarse; do
    "$python" "$here/check.py" "$out/$name.json" "$out/$name.truth.json" --cuts 40
    "$python" "$here/check.py" "$out/$name.json"
done
