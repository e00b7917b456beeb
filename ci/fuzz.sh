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

# A separate target directory, and the stable compiler with the flags of a nightly one: libFuzzer's coverage and AddressSanitizer, as
# `cargo fuzz build` passes them. Compiling that tool takes longer than this check.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
built="$CARGO_TARGET_DIR/$host/release"
coverage=-sanitizer-coverage
flags="-Cpasses=sancov-module -Cllvm-args=$coverage-level=4 -Cllvm-args=$coverage-inline-8bit-counters -Cllvm-args=$coverage-pc-table \
    -Cllvm-args=$coverage-trace-compares -Cllvm-args=$coverage-stack-depth -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    --cfg fuzzing -Zsanitizer=address -Cdebug-assertions -Ccodegen-units=1"
# With an explicit target, build scripts and macros are not instrumented.
RUSTFLAGS="$flags" cargo build --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"
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
        echo "fuzz: $target failed (status $status). To run the input again:" >&2
        echo "    $built/$target $input" >&2
        exit 1
    fi
    # The last line has the number of executions and their coverage.
    echo "$target: $(sed -n 's/^#\([0-9]*\).*DONE *\(cov: [0-9]* ft: [0-9]* corp: [^ ]*\).*/\1 executions, \2/p' "$log")"
done
echo "fuzz: ok"
