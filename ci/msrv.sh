#!/bin/sh
# Every published crate compiles with the Rust version that it states, by a real compiler of that version, with all features
# and with none. If that compiler can't be installed, the script prints the reason and checks nothing.
set -eu
cd "$(dirname "$0")/.."
status=0
ci/old-compiler.sh || status=$?
if [ "$status" -ne 0 ]; then
    echo "minimum Rust version: skipped"
    [ "$status" -eq 3 ] && exit 0 || exit "$status"
fi

# A separate target directory. No debug information, since nothing runs.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/msrv"
export RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0
packages=$(ci/published.sh | sed 's/^/-p /')
# The names are words.
# shellcheck disable=SC2086
/usr/bin/cargo check --quiet --locked $packages --all-features
# shellcheck disable=SC2086
/usr/bin/cargo check --quiet --locked $packages --no-default-features
echo "$($RUSTC --version) compiles: $(ci/published.sh | tr '\n' ' ')"
