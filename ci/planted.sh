#!/bin/sh
# What the analysis says about programs with a planted fault, and whether its predictions are right: a table.
# `insight/tests/programs` has the programs, and docs/insight.md what came out. With `--out`, and without names of programs, the table there is replaced.
# Needs a quiet machine: nine of the programs compute on two cores.
#
#   ci/planted.sh [--runs N] [--text] [--out DIR] [PROGRAM ..]
set -eu
cd "$(dirname "$0")/.."
cargo build --quiet --release -p heirloom-planted
case " $* " in
    *" --out "*) set -- "$@" --docs docs/insight.md ;;
esac
exec "${CARGO_TARGET_DIR:-target}/release/measure" "$@"
