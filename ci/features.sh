#!/bin/sh
# Each feature alone, no feature, and all features: every package compiles without a warning. Core has no dependency without
# its features, and the whole recording API runs with recording compiled out.
set -eu
cd "$(dirname "$0")/.."

lint() {
    echo "$*"
    cargo clippy --quiet "$@" -- -D warnings
}

# each PACKAGE FEATURE..
each() {
    package=$1
    shift
    lint -p "$package" --no-default-features
    for feature; do
        lint -p "$package" --no-default-features --features "$feature"
    done
    lint -p "$package" --all-features
}

each heirloom-core record log serde otel record,serde capture llm record,capture record,llm async stream record,async record,stream \
    macros record,macros macros,llm macros,stream
each heirloom-macros llm capture stream
each heirloom-pool record rayon crossbeam async sync tokio record,async record,rayon record,crossbeam record,sync record,tokio
each heirloom-ipc record workers capture tokio record,workers record,workers,capture record,tokio
each heirloom-bridge tracing otel otel-current http
each heirloom-otlp http
lint -p heirloom-langfuse
each heirloom-insight files
each heirloom-openai record middleware record,middleware
each heirloom record log serde otel rayon crossbeam sync record,rayon record,sync ipc record,ipc workers record,workers async record,async tokio otlp langfuse macros \
    record,macros capture llm tracing provider otel-current http openai record,openai analysis report

# Who works on one package alone tests it with its default features.
for package in core pool ipc; do
    cargo check --quiet --tests -p heirloom-$package
done

tree=$(cargo tree -p heirloom-core --no-default-features --edges normal,build --prefix none)
[ "$(echo "$tree" | wc -l)" -eq 1 ] || { echo "core has dependencies without its features:"; echo "$tree"; exit 1; }
tree=$(cargo tree -p heirloom-disabled --edges normal,build --prefix none)
[ "$(echo "$tree" | wc -l)" -eq 2 ] || { echo "a library without recording depends on more than core:"; echo "$tree"; exit 1; }

# The libraries and programs that a hello-world compiles.
crates=$(cargo tree -p heirloom --edges normal,build --prefix none --no-dedupe | sort -u | wc -l)
[ "$crates" -le 45 ] || { echo "heirloom with its default features is $crates crates, not 45 at most"; exit 1; }
lint -p heirloom-disabled --all-targets
cargo test --quiet -p heirloom-disabled
lint -p heirloom-disabled --all-targets --features async
cargo test --quiet -p heirloom-disabled --features async
lint -p heirloom-disabled --all-targets --features macros
cargo test --quiet -p heirloom-disabled --features macros
lint -p heirloom-disabled --all-targets --features pool
cargo test --quiet -p heirloom-disabled --features pool
cargo test --quiet -p heirloom-openai --no-default-features --test library_mode
echo "every combination of features compiles, and library mode has no dependency"
