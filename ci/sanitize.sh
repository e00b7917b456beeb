#!/bin/sh
# ThreadSanitizer and AddressSanitizer over `core/tests/stress.rs`, with the stable compiler; AddressSanitizer also over
# `core/tests/regions`, where a hostile child writes what it likes into memory that the collector reads.
#
# The standard library is not instrumented (that needs its sources), so ThreadSanitizer does not see what std's mutexes,
# channels and `Arc`s order, and reports what they protect as races. Such reports are about safe code, where the compiler
# rules races out. The memory that only unsafe code hands from thread to thread is the words of the rings, and what orders
# those accesses is our own code, instrumented: head and tail, even where a shard passes from thread to thread. So a
# report counts if it is about memory that `Shard::new` allocated (`Block::allocate`); the others are only counted.
#
# Each sanitizer has a control: a planted bug that it must find in the same words. Exits non-zero if a clean run has a
# finding or a planted bug is missed.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
base="${CARGO_TARGET_DIR:-$PWD/target}/sanitize"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Optimised like the tests, but without the assertions that would notice a planted bug before the sanitizer does.
export CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false CARGO_PROFILE_DEV_DEBUG=true
export RUSTC_BOOTSTRAP=1
export TSAN_OPTIONS="halt_on_error=0 exitcode=0 history_size=7 report_atomic_races=1"
export ASAN_OPTIONS="detect_leaks=1"

# stress SANITIZER [MUTANT]: runs the tests in $test, the output goes to $out.
test=stress.rs
stress() {
    # The standard library has another "ABI" than what is instrumented; nothing is passed that would mind.
    flags="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer"
    if [ $# -gt 1 ]; then flags="$flags --cfg heirloom_mutant=\"$2\""; fi
    target="$base/$1${2:+-$2}"
    # With a target named, build scripts and macros stay as they are. The test is compiled by hand, since cargo would
    # build all that other tests depend on.
    CARGO_TARGET_DIR="$target" RUSTFLAGS="$flags" \
        cargo build --quiet -p heirloom-core --no-default-features --features record --target "$host"
    built="$target/$host/debug"
    libc=$(find "$built/deps" -name 'liblibc-*.rlib' | head -1)
    # The flags are words.
    # shellcheck disable=SC2086
    rustc --edition 2021 --test "core/tests/$test" --target "$host" $flags -Copt-level=1 -g -o "$target/tests" \
        --extern "heirloom_core=$built/libheirloom_core.rlib" --extern "libc=$libc" -L "dependency=$built/deps" -L "dependency=$target/debug/deps" # those of macros
    status=0
    timeout 300 "$target/tests" --test-threads 1 >"$out" 2>&1 || status=$?
    # Planted bugs may make tests fail; if it is one of a clean run, this says why.
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
