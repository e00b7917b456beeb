#!/bin/sh
# Instructions per span, counted by callgrind: on the recording thread, and on all threads. Needs valgrind. The rings are
# prepared, as those of `single`; `defaults` counts the same with default settings.
#
# Each peer records on the main thread in two lengths. The difference of the instructions over the difference of the
# lengths cancels one-time costs. On the main thread only `measure::timed` is counted, because the code before it differs between
# two runs (a clock that calibrates itself before main spins for a while). The other threads are counted from start to end.
#
#   benches/compare/instructions.sh [PEER ..]      default: each peer in a setting that loses nothing
#   SHORT, LONG: the two lengths
set -eu

cd "$(dirname "$0")/../.."
# Together with the warm-up no more than the queues and rings hold, so that no drops are counted.
short=${SHORT:-10000}
long=${LONG:-30000}
peers=${*:-floor heirloom mutex-vec channel otel-large tracing-otel fastrace-local fastrace-span puffin}

cargo build --quiet --release --package heirloom-compare --bin single
binary=${CARGO_TARGET_DIR:-target}/release/single
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Prints the instructions of one run, on the main thread and on all: `count PEER ATTRIBUTES SPANS`.
count() {
    rm -f "$folder"/*
    scenario='{"peer":"'$1'","threads":1,"attributes":'$2',"spans_per_thread":'$3',"warm_up_spans":1000'
    scenario=$scenario',"ring_bytes":16777216,"on_main_thread":true,"repetition":0}'
    if ! valgrind --tool=callgrind --separate-threads=yes --collect-atstart=no --toggle-collect='*measure*timed*' \
        --toggle-collect='*thread_start*' --callgrind-out-file="$folder/out" "$binary" --child "$scenario" \
        >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        exit 1
    fi
    awk '/^totals:/ { all += $2; if (FILENAME ~ /-01$/) main += $2 } END { printf "%d %d\n", main, all }' "$folder"/out-*
}

# Prints the instructions per span, rounded: `per_span PEER ATTRIBUTES`.
per_span() {
    at_short=$(count "$1" "$2" "$short")
    at_long=$(count "$1" "$2" "$long")
    echo "$at_short $at_long" |
        awk -v spans=$((long - short)) '{ printf "%.0f | %.0f\n", ($3 - $1) / spans, ($4 - $2) / spans }'
}

echo "| instructions per span | no attributes, recording thread | all threads | three attributes, recording thread | all threads |"
echo "|---|---|---|---|---|"
for peer in $peers; do
    none=$(per_span "$peer" false)
    three=$(per_span "$peer" true)
    echo "| $peer | $none | $three |"
done
