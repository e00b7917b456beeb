#!/bin/sh
# The clippy configuration that the crate page recommends (clippy.toml) finds a scope held over an await point.
# Each `expect` in tests/lint-await is an error if the lint doesn't fire.
set -eu
cd "$(dirname "$0")/.."
cargo clippy --quiet -p heirloom-lint-await -- -D unfulfilled-lint-expectations -D clippy::await-holding-invalid-type
echo "a scope held over an await point is found"
