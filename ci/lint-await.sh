#!/bin/sh
# The configuration of clippy that README and crate page recommend (clippy.toml) finds a scope held over an await point:
# each `expect` in tests/lint-await is an error where the lint stays silent.
set -eu
cd "$(dirname "$0")/.."
cargo clippy --quiet -p heirloom-lint-await -- -D unfulfilled-lint-expectations -D clippy::await-holding-invalid-type
echo "a scope held over an await point is found"
