#!/bin/sh
# Library mode costs nothing: with recording compiled out, a round of an instrumented loop takes as many instructions as a
# round of the bare loop. The instructions of a round are the difference between two runs, so that the start of the process
# doesn't count (two starts differ by an instruction or two). Needs valgrind.
set -eu
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is needed to count instructions" >&2; exit 1; }
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --profile bench -p heirloom-disabled --bins

# instructions PROGRAM ROUNDS
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$target/release/$1" "$2" 2>&1 |
        sed -n 's/.*Collected : *//p'
}

# The same number of digits, so that reading the argument costs the same.
few=100000 many=900000 rounds=800000
for program in bare instrumented; do
    taken=$(($(instructions $program $many) - $(instructions $program $few)))
    echo "$program: $taken instructions for $rounds rounds"
    eval "$program=$taken"
done
[ "$bare" -gt $rounds ] || { echo "the bare loop was optimised away, so the comparison proves nothing" >&2; exit 1; }
more=$((instrumented - bare))
[ "${more#-}" -lt 100 ] || { echo "the instrumented loop differs by $more instructions: expected fewer than 100" >&2; exit 1; }
echo "library mode costs nothing"
