#!/usr/bin/env bash
# Runs every example. Each must end with a ledger line without orphans that balances, and `heirloom check` must find nothing wrong
# in its trace, which may be several files. Then Perfetto's trace processor opens the pipeline's trace file, and must find every span, lane and arrow.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

check_ledger() {
    tail -n 1 "$1" | grep -Eq '^ledger: begun=[1-9][0-9]* exported=[0-9]+ dropped=0 sampled_out=0 open=0 aborted=[0-9]+ orphans=0 balanced=yes$' || {
        echo "$2 did not end with a balanced ledger:" >&2
        tail -n 5 "$1" >&2
        exit 1
    }
}

heirloom="${CARGO_TARGET_DIR:-target}/debug/heirloom"
# Spans that a killed worker left open are aborted: these examples kill some.
check_trace() {
    local name=$1 allowed=()
    shift
    case "$name" in worker_processes | worker_service) allowed=(--allow aborted) ;; esac
    "$heirloom" check "${allowed[@]}" "$@" >"$out/check.txt" || { echo "$name: heirloom check" >&2; cat "$out/check.txt" >&2; exit 1; }
}

# As the tests: nothing is built twice. The README's first command runs as it stands, below.
cargo build-all --quiet --examples --bins
for source in examples/*.rs examples/agent/main.rs examples/seven_ways/main.rs; do
    name=$(basename "$source" .rs)
    [ "$name" != main ] || name=$(basename "$(dirname "$source")")
    echo "== $name"
    mkdir "$out/$name"
    settings=(HEIRLOOM_TRACE_FILE="$out/$name/trace.otlp")
    # The environment decides where it sends; ci/backends.sh sends it to a collector.
    [ "$name" != hello_otlp ] || settings+=(OTEL_TRACES_EXPORTER=console HEIRLOOM_VERIFY=true)
    env "${settings[@]}" "${CARGO_TARGET_DIR:-target}/debug/examples/$name" >"$out/$name.txt"
    check_ledger "$out/$name.txt" "$name"
    # A process that isn't a worker has a separate tracer, and writes a file with another name.
    files=("$out/$name"/*.otlp)
    [ "$name" != seven_ways ] || [ "${#files[@]}" -eq 2 ] || { echo "seven_ways: two processes write a trace" >&2; exit 1; }
    check_trace "$name" "${files[@]}"
done
grep -q '^world .* answer=42$' "$out/hello_otlp.txt" || { echo "hello_otlp: no span \"world\" on the console" >&2; exit 1; }
# Each cell of the matrix is a plain number.
[ "$(grep -cE '^[#a-z][^0-9]*( +1000){4}$' "$out/seven_ways.txt")" -eq 7 ] || { cat "$out/seven_ways.txt" >&2; exit 1; }
# One tree over the agent, a pool of threads and another process, with usage and cost.
agent() {
    grep -Eq "$1" "$out/agent.txt" || { echo "agent: no line matches $1" >&2; cat "$out/agent.txt" >&2; exit 1; }
}
agent '^turn .*\[main [0-9]+\]$'
agent '^  invoke_agent '
agent '^    chat '
agent '^4 generations: [1-9][0-9]* tokens in, [1-9][0-9]* out; known cost: \$0\.0*[1-9]'
grep -A 1 '^      search texts ' "$out/agent.txt" | grep -q '^        read ' || { echo "agent: no span \"read\" below \"search texts\"" >&2; exit 1; }
process=$(sed -n 's/^turn .*\[main \([0-9]*\)\]$/\1/p' "$out/agent.txt")
agent "^      count .*\[main [0-9]+\]$"
! grep -q "^      count .* $process\]$" "$out/agent.txt" || { echo "agent: \"count\" ran in the main process" >&2; exit 1; }

grep -Eq 'aborted=[1-9]' "$out/worker_processes.txt" || { echo "worker_processes: no span was aborted" >&2; exit 1; }

[ "$(grep -c '^cancelled: ' "$out/async_tasks.txt")" -eq 3 ] || { echo "async_tasks: expected 3 cancelled futures" >&2; exit 1; }

# One request outlived its deadline, and nothing blocked the service's thread.
grep -q '^failed: Endless: the job was not done within its deadline of 3s' "$out/worker_service.txt" ||
    { echo "worker_service: no deadline" >&2; exit 1; }
grep -q '^aborted: for ever: .*deadline had passed' "$out/worker_service.txt" ||
    { echo "worker_service: nothing was aborted by the deadline" >&2; exit 1; }
! grep '^blocked: ' "$out/worker_service.txt" >&2 || { echo "worker_service: its thread was blocked" >&2; exit 1; }
[ "$(grep -c '^LongestBelow([0-9]*): [1-9]' "$out/worker_service.txt")" -eq 23 ] ||
    { echo "worker_service: not all answers" >&2; exit 1; }

echo "== heirloom diff"
# The same program on both sides, on any machine: nothing is four times slower, unless the comparison is wrong.
mkdir "$out/a" "$out/b"
for run in 1 2 3; do
    for side in a b; do
        HEIRLOOM_TRACE_FILE="$out/$side/$run.otlp" "${CARGO_TARGET_DIR:-target}/debug/examples/par_iter" >/dev/null
    done
done
"$heirloom" diff --threshold 300 "$out/a" "$out/b" >"$out/diff.txt" || { cat "$out/diff.txt" >&2; exit 1; }
grep -Eq '^wall time .* %$' "$out/diff.txt" && grep -q '^per item ' "$out/diff.txt" || { cat "$out/diff.txt" >&2; exit 1; }
"$heirloom" convert --strip "$out/a/1.otlp" "$out/stripped.jsonl"
"$heirloom" check "$out/stripped.jsonl" >/dev/null

echo "== pipeline"
cargo run --quiet --profile demo -p heirloom-pipeline -- --trace-out "$out/trace.json" --report-out "$out/report.html" >"$out/pipeline.txt"
check_ledger "$out/pipeline.txt" pipeline
grep -qF "report: $out/report.html" "$out/pipeline.txt" && [ -s "$out/report.html" ] || { echo "pipeline: no report" >&2; exit 1; }
tail -n 1 "$out/pipeline.txt"
# The README's command has no exporter of OTLP: the same program with all features does.
HEIRLOOM_TRACE_FILE="$out/pipeline.otlp" "${CARGO_TARGET_DIR:-target}/debug/pipeline" --report-out "$out/pipeline.html" >"$out/pipeline.txt"
check_ledger "$out/pipeline.txt" pipeline
check_trace pipeline "$out/pipeline.otlp"

python=$(ci/perfetto/setup.sh)
"$python" ci/perfetto/check.py "$out/trace.json"
