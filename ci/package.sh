#!/bin/sh
# Makes the package of each published crate, as crates.io would get it, and checks its files and its manifest.
# Nothing is compiled here: the check of the minimum Rust version compiles the same crates.
set -eu
cd "$(dirname "$0")/.."
packages=$(ci/published.sh)
selected=$(echo "$packages" | sed 's/^/-p /')
# The names are words. Together, since they depend on each other and none is published yet.
# shellcheck disable=SC2086
cargo package --quiet --no-verify --allow-dirty $selected
made="${CARGO_TARGET_DIR:-target}/package"
failed=0
for package in $packages; do
    file=$(ls "$made/$package"-[0-9]*.crate)
    listed=$(tar tzf "$file" | sed 's,^[^/]*/,,')
    for wanted in Cargo.toml README.md LICENSE-MIT LICENSE-APACHE src/lib.rs; do
        echo "$listed" | grep -qx "$wanted" || { echo "$package has no $wanted" >&2; failed=1; }
    done
    # As published: values that are inherited from the workspace are written out.
    manifest=$(tar xzfO "$file" "$(basename "$file" .crate)/Cargo.toml")
    for stated in '^version = ' '^description = ' '^license = ' '^readme = "README.md"' '^rust-version = "1.85"' \
        '^\[package.metadata.docs.rs\]' '^keywords = ' '^categories = '; do
        echo "$manifest" | grep -q "$stated" || { echo "$package doesn't state $stated" >&2; failed=1; }
    done
    [ "$(wc -c <"$file")" -lt 1000000 ] || { echo "$package has more than a megabyte" >&2; failed=1; }
done
[ "$failed" -eq 0 ] || exit 1
echo "packages: $(echo "$packages" | tr '\n' ' ')"
