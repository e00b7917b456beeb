#!/bin/sh
# Records the traces of insight/tests/programs/traces, all of them or those named: programs with a planted fault whose cause a busy
# machine hides. Needs two cores that nothing else uses. The test `recorded` says whether the new traces can be used.
#
#   ci/planted-traces.sh [TRACE ..]
set -eu
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}/release"
cargo build --quiet --release -p heirloom-planted -p heirloom-cli
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT

# The trace, the program, its lanes, and its scale: short runs are small files.
while read -r trace program lanes scale; do
    case " ${*:-$trace} " in *" $trace "*) ;; *) continue ;; esac
    HEIRLOOM_TRACE_FILE="$raw/$trace.otlp" "$target/planted" "$program" --lanes "$lanes" --scale "$scale" </dev/null
    "$target/heirloom" convert --strip "$raw/$trace.otlp" "$raw/$trace-stripped.otlp"
    gzip -9 -n -c "$raw/$trace-stripped.otlp" >"insight/tests/programs/traces/$trace.otlp.gz"
    echo "$trace: $(wc -c <"insight/tests/programs/traces/$trace.otlp.gz") bytes"
done <<'END'
lock-convoy lock-convoy 2 0.2
small-chunks small-chunks 2 0.05
slow-start slow-start 4 0.5
static-imbalance static-imbalance 2 1
io-in-span io-in-span 2 0.3
untraced-half untraced-half 2 3
oversubscribed oversubscribed 16 4
another-process another-process 2 1
false-sharing false-sharing 2 1.5
false-sharing-1-lane false-sharing 1 1.5
balanced balanced 2 1
END
cargo test --quiet -p heirloom-planted --test recorded
