#!/bin/sh
# Installs Debian's Rust 1.85, the minimum that every crate states: the package `rustc-web`, beside the compiler that is
# in use. With arguments, other packages too. Where it can't be had, prints why and exits with status 3.
#
# Its programs are /usr/bin/rustc and /usr/bin/cargo: call them by these paths, `rustup` stays first in PATH.
set -u
minimum=1.85
# libstd for aarch64 is `libstd-rust-web-dev:arm64`, of the same version.
architecture="${1:-}"

skip() {
    echo "no Rust $minimum: $1" >&2
    exit 3
}

has() {
    /usr/bin/rustc --version 2>/dev/null | grep -q "^rustc $minimum\." && /usr/bin/cargo --version >/dev/null 2>&1 &&
        { [ -z "$architecture" ] || dpkg -s "libstd-rust-web-dev:$architecture" >/dev/null 2>&1; }
}

has && exit 0
command -v apt-get >/dev/null || skip "this isn't Debian"
[ "$(id -u)" = 0 ] || skip "only the superuser can install Debian's packages"
if [ -n "$architecture" ]; then dpkg --add-architecture "$architecture"; fi
apt-get update -qq || skip "the list of Debian's packages can't be read"
version=$(apt-cache madison rustc-web | awk '{ print $3 }' | grep "^$minimum\." | head -1)
[ -n "$version" ] || skip "Debian has $(apt-cache madison rustc-web | awk '{ print $3 }' | tr '\n' ' ')of rustc-web"
set -- "rustc-web=$version" "cargo-web=$version" "libstd-rust-web-dev=$version"
if [ -n "$architecture" ]; then set -- "$@" "libstd-rust-web-dev:$architecture=$version"; fi
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --allow-downgrades "$@" >/dev/null ||
    skip "rustc-web $version can't be installed"
has || skip "rustc-web $version was installed, but /usr/bin/rustc is another compiler"
echo "installed rustc-web $version"
