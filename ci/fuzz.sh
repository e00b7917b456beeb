#!/bin/sh
# Fuzzes the parent's collector with a hostile child process, and the reader of OTLP (`otlp_read`, on request): `fuzz/`. Without SECONDS it is only a short check.
#
#   ci/fuzz.sh [SECONDS [TARGET..]]     time for each target (default: 20 seconds, `record` and `mutated_ring`)
#
# Inputs that reach new code are kept in target/fuzz/corpus. Fails on a crash, and prints the command that runs it again.
set -eu
cd "$(dirname "$0")/.."
seconds="${1:-20}"
if [ $# -gt 0 ]; then shift; fi
[ $# -gt 0 ] || set -- record mutated_ring

command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz

# A separate target directory, and the stable compiler with the flags of a nightly one.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
built="$CARGO_TARGET_DIR/$host/release"
build=$(cargo fuzz build --fuzz-dir fuzz 2>&1) || { echo "$build" >&2; exit 1; }
seeds="$CARGO_TARGET_DIR/seeds"
"$built/seeds" "$seeds"

for target; do
    found="$CARGO_TARGET_DIR/artifacts/$target"
    corpus="$CARGO_TARGET_DIR/corpus/$target"
    log="$CARGO_TARGET_DIR/$target.log"
    mkdir -p "$found" "$corpus"
    status=0
    "$built/$target" "$corpus" "$seeds/$target" -max_total_time="$seconds" -len_control=20 -max_len=1024 -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        grep -v '^heirloom: ' "$log" | tail -60
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
        echo "fuzz: $target failed (status $status). To run the input again, with the same flags:" >&2
        echo "    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$CARGO_TARGET_DIR cargo fuzz run --fuzz-dir fuzz $target $input" >&2
        exit 1
    fi
    # The last line has the number of executions and their coverage.
    echo "$target: $(sed -n 's/^#\([0-9]*\).*DONE *\(cov: [0-9]* ft: [0-9]* corp: [^ ]*\).*/\1 executions, \2/p' "$log")"
done
echo "fuzz: ok"
