#!/bin/sh
# ThreadSanitizer and AddressSanitizer over `core/tests/stress.rs`, with the stable compiler; AddressSanitizer also over
# `core/tests/regions`, where a hostile child writes arbitrary words into memory that the collector reads.
#
# The standard library is not instrumented (that needs its sources). So ThreadSanitizer does not see the ordering by std's
# mutexes, channels and `Arc`s, and reports races in the data that they protect. Such reports are about safe code, where the
# compiler rules out races. Only the words of the rings are shared between threads by unsafe code. Our own, instrumented code
# orders those accesses: by head and tail, also when a shard changes its thread. So a report is a failure if it is about
# memory that `Shard::new` allocated (`Block::allocate`); the other reports are only counted.
#
# Rings are on the heap here (`heirloom_heap_rings`), where both sanitizers know their bounds.
#
# Each sanitizer has a control: a planted bug that it must find in the same words. Exits non-zero if a clean run has a
# finding or a planted bug is missed.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
base="${CARGO_TARGET_DIR:-$PWD/target}/sanitize"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Optimised like the tests, but without the assertions that would find a planted bug before the sanitizer does.
export CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false CARGO_PROFILE_DEV_DEBUG=true
export RUSTC_BOOTSTRAP=1
export TSAN_OPTIONS="halt_on_error=0 exitcode=0 history_size=7 report_atomic_races=1"
export ASAN_OPTIONS="detect_leaks=1"

# stress SANITIZER [MUTANT]: runs the tests in $test and writes the output to $out.
test=stress.rs
stress() {
    # The standard library has another sanitizer "ABI" than the instrumented code; no value that crosses the border depends on it.
    flags="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer --cfg heirloom_heap_rings"
    if [ $# -gt 1 ]; then flags="$flags --cfg heirloom_mutant=\"$2\""; fi
    target="$base/$1${2:+-$2}"
    # With an explicit target, build scripts and macros are not instrumented. The test is compiled by hand, since cargo would
    # also build the dependencies of all other tests.
    CARGO_TARGET_DIR="$target" RUSTFLAGS="$flags" \
        cargo build --quiet -p heirloom-core -p heirloom-harness --no-default-features --features heirloom-core/record --target "$host"
    built="$target/$host/debug"
    libc=$(find "$built/deps" -name 'liblibc-*.rlib' | head -1)
    # $flags must be split into words.
    # shellcheck disable=SC2086
    rustc --edition 2021 --test "core/tests/$test" --target "$host" $flags -Copt-level=1 -g -o "$target/tests" \
        --extern "heirloom_core=$built/libheirloom_core.rlib" --extern "heirloom_harness=$built/libheirloom_harness.rlib" \
        --extern "libc=$libc" -L "dependency=$built/deps" -L "dependency=$target/debug/deps" # those of macros
    status=0
    timeout 300 "$target/tests" --test-threads 1 >"$out" 2>&1 || status=$?
    # Planted bugs may make tests fail. If a test of a clean run fails, this prints the reason.
    if [ $# -eq 1 ] && [ "$status" -ne 0 ]; then grep -A 4 "panicked at" "$out" || tail -n 20 "$out"; fi
    if ! grep -q "^running" "$out"; then
        cat "$out"
        exit 1
    fi
}

# Reports about the words of a ring, and all reports.
races() {
    awk -v RS='==================' '
        /WARNING: ThreadSanitizer/ { all++; if ($0 ~ /Location is heap block.*(shard::Shard>::new|Block>::allocate)/) ring++ }
        END { print ring + 0, all + 0 }' "$out"
}

failed=0
verdict() { # NAME EXPECTED FOUND NOTE
    if [ "$2" = "$3" ]; then ok=ok; else ok=FAILED; failed=1; fi
    printf '%-34s | %-9s | %-9s | %-6s | %s\n' "$1" "$2" "$3" "$ok" "$4"
}
some() { if [ "$1" -gt 0 ]; then echo found; else echo quiet; fi; }

printf '%-34s | %-9s | %-9s | %-6s |\n' "run" "expected" "got" ""
stress thread
set -- $(races)
verdict "threads, clean" "quiet" "$(some "$1")" "$1 races on rings; $2 reports in all, the others by std's locks"
verdict "threads, clean: tests" 0 "$status" "exit status"
stress thread publish
set -- $(races)
verdict "threads, head stored relaxed" "found" "$(some "$1")" "$1 races on rings; $2 reports in all"
stress address
verdict "addresses, clean" 0 "$status" "exit status of the tests; leaks are checked too"
test=regions/main.rs
stress address
verdict "addresses, hostile regions" 0 "$status" "exit status of the tests"
test=stress.rs
stress address slack
verdict "addresses, no slack behind the ring" "found" \
    "$(some "$(grep -c 'heap-buffer-overflow' "$out" || true)")" "$(sed -n 's/^.*ERROR: AddressSanitizer: \([a-z-]*\).*/\1/p' "$out" | head -1)"
exit $failed
