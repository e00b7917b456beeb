#!/usr/bin/env bash
# The tests of `core`, `pool` and `ipc` on aarch64: cross-compiled by Debian's Rust 1.85 (ci/old-compiler.sh) and run in
# qemu's emulator. If a part can't be installed, the script prints its name and tests nothing.
#
# `left_out` below lists the tests that can't run there or would prove nothing, each with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

skip() {
    echo "tests on aarch64: skipped: $1"
    exit 0
}

# The lines are: test program, test or - for all of it, reason.
left_out() {
    cat <<'LIST'
kills          -    it kills thousands of processes at random moments: hours in the emulator, whose moments differ from the hardware's
LIST
}

ci/old-compiler.sh arm64 || skip "no Rust 1.85 for arm64"
install() {
    command -v "$1" >/dev/null || (apt-get install -y -qq --no-install-recommends "${@:2}" >/dev/null) || skip "no $2"
}
install aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
install qemu-aarch64-static qemu-user-static

# Many tests start programs, which the kernel has to pass to the emulator. `F` keeps the emulator open, so that it
# also works for processes with another root.
binfmt=/proc/sys/fs/binfmt_misc
if [ ! -e $binfmt/qemu-aarch64 ]; then
    [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt || skip "no binfmt_misc"
    elf='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    echo ":qemu-aarch64:M::$elf:$mask:$(command -v qemu-aarch64-static):F" >$binfmt/register || skip "no binfmt_misc"
fi

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/aarch64"
export RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# Leaves out the tests over HTTP (core/Cargo.toml): they would take longer to build than everything else.
export RUSTFLAGS="--cfg heirloom_emulated"
# The emulator is slow: fewer random trees and threads than natively.
export HEIRLOOM_TREES=2000 HEIRLOOM_CONFIGURATIONS=20 HEIRLOOM_THREADS=2000
mkdir -p "$CARGO_TARGET_DIR"
core=heirloom-core/record,heirloom-core/serde,heirloom-core/stream,heirloom-core/macros,heirloom-core/llm
/usr/bin/cargo test --quiet --locked --target $target --no-run --message-format json \
    -p heirloom-core -p heirloom-pool -p heirloom-ipc --lib --tests \
    --features "$core,heirloom-pool/tokio,heirloom-ipc/workers,heirloom-ipc/tokio" >"$CARGO_TARGET_DIR.json"

programs() {
    python3 -c '
import json, os, sys
for line in open(sys.argv[1]):
    built = json.loads(line)
    if built.get("executable") and built["profile"]["test"]:
        print(os.path.dirname(built["manifest_path"]), built["target"]["name"], built["executable"])
' "$CARGO_TARGET_DIR.json" | sort
}

failed=0
while read -r folder name program; do
    skipped=()
    while read -r of test reason; do
        [ "$of" = "$name" ] || continue
        echo "left out: $name $test: $reason"
        skipped+=("$test")
    done < <(left_out)
    if [ "${skipped[*]:-}" = - ]; then continue; fi
    start=$SECONDS
    status=0
    (cd "$folder" && CARGO_MANIFEST_DIR=$folder timeout 300 "$program" --exact "${skipped[@]/#/--skip=}") >"$CARGO_TARGET_DIR.log" 2>&1 </dev/null || status=$?
    echo "$(basename "$folder") $name: $(sed -n 's/^test result: //p' "$CARGO_TARGET_DIR.log" | tail -1) ($((SECONDS - start)) s)"
    if [ "$status" -ne 0 ]; then
        failed=1
        grep -A 8 "panicked at\|^failures:\|error" "$CARGO_TARGET_DIR.log" | tail -60 || tail -20 "$CARGO_TARGET_DIR.log"
    fi
done < <(programs)
[ "$failed" -eq 0 ] || exit 1
echo "tests on aarch64: ok"
