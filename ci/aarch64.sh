#!/usr/bin/env bash
# The tests of `core`, `pool` and `ipc` on aarch64: cross-compiled by Debian's Rust 1.85 (ci/old-compiler.sh) and run in
# qemu's emulator. If a part can't be installed, the script prints its name and tests nothing.
#
# Emulated code runs ten to twenty times slower, so it runs the tests of what may differ on another processor: memory
# shared between threads and processes, the clock, system calls, layouts. `left_out` lists the others, with the reason.
#
#   ci/aarch64.sh [all]     all: builds and runs the programs that are left out for their time too (half an hour)
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

skip() {
    echo "tests on aarch64: skipped: $1"
    exit 0
}

# The lines are: kind of reason, package, test program, test or - for all of it, reason. A program that is left out for its
# `time` is not built, unless the argument is `all`.
left_out() {
    cat <<'LIST'
never ipc  kills          -    it kills thousands of processes at random moments: hours in the emulator, whose moments differ from the hardware's
time  core model          -    random trees: minutes in the emulator; the code is the same as in `recording` and `overload`
time  core exporters      -    deadlines of exporters, in safe code without system calls
time  core init           -    settings, in safe code
time  core batches        -    counts of the collector, in safe code
time  core two_tracers    -    samplers and settings of two tracers, in safe code
time  core runtimes       -    deadlines of a flush in several runtimes, in safe code
time  core futures        -    futures, in safe code
time  core observe        -    the expansion of a macro
time  core observe_async  -    the expansion of a macro
time  core observe_capture - the expansion of a macro
time  core observe_forms  -    the expansion of a macro
time  core observe_lints  -    the expansion of a macro
time  core observe_methods - the expansion of a macro
time  core updates        -    a million updates, in safe code
time  core missed_updates -    counts of the collector, in safe code
time  core first_update   -    safe code
never core privileges     -    the kernel ignores set-user-ID of a program that it passes to the emulator
time  core diagnostics    -    messages, in safe code
time  core sampling       -    a long loop of samplers, in safe code
time  core recording      a_million_spans_are_all_there its deadline is for the hardware's pace
time  core signals        a_handler_that_records_for_another_tracer_mixes_nothing_up the emulator delivers a signal between blocks of code only: minutes for the wanted number of interruptions
time  core threads        many_tracers_in_sequence_on_the_same_threads_leak_nothing its deadlines are for the hardware's pace
time  core threads        a_thread_that_only_begins_spans_for_others_costs_the_collector_no_memory its deadlines are for the hardware's pace
time  core heirloom_core  capture::escape::tests::the_quick_look_knows_the_same_bytes_as_the_table_wherever_they_stand a long loop over texts
time  core heirloom_core  export::chrome::flow::tests::finished_business_is_forgotten a long loop over a map
time  core heirloom_core  export::chrome::row::tests::memory_is_bounded a long loop over a map
time  core heirloom_core  tree::render::tests::a_chain_of_a_hundred_thousand_spans_is_no_problem a long loop over texts
time  core heirloom_core  tree::names::tests::a_chain_of_a_hundred_thousand_spans_is_no_problem a long loop over texts
time  core heirloom_core  collector::assemble::traces::tests::whatever_is_set_the_values_of_all_traces_are_bounded a long loop over a map
time  core heirloom_core  export::chrome::tests::a_full_disk_costs_counted_spans_and_never_the_file a long loop over texts
never ipc  attached       without_memory_a_child_runs_and_its_span_says_that_it_did_not_join the emulator needs address space too
time  pool background_futures - futures, in safe code
time  pool stages         -    rayon's adaptors, in safe code
LIST
}

all="${1:-}"

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

# The test programs that are built, as options of cargo.
selected() {
    /usr/bin/cargo metadata --no-deps --locked --format-version 1 | python3 -c '
import json, sys
left_out = {(line[1], line[2]) for line in map(str.split, sys.argv[2].splitlines()) if line[3] == "-" and (line[0] == "never" or not sys.argv[1])}
for package in json.load(sys.stdin)["packages"]:
    name = package["name"].removeprefix("heirloom-")
    if name in ("core", "pool", "ipc"):
        tests = [target["name"] for target in package["targets"] if target["kind"] == ["test"]]
        print("\n".join(f"--test {test}" for test in tests if (name, test) not in left_out))
' "$all" "$(left_out)"
}
core=heirloom-core/record,heirloom-core/serde,heirloom-core/stream,heirloom-core/macros,heirloom-core/llm
# The options are words.
# shellcheck disable=SC2046
/usr/bin/cargo test --quiet --locked --target $target --no-run --message-format json \
    -p heirloom-core -p heirloom-pool -p heirloom-ipc --lib $(selected) \
    --features "$core,heirloom-pool/tokio,heirloom-ipc/workers,heirloom-ipc/tokio" >"$CARGO_TARGET_DIR.json"

programs() {
    python3 -c '
import json, os, sys
for line in open(sys.argv[1]):
    built = json.loads(line)
    if built.get("executable") and built["profile"]["test"]:
        folder = os.path.dirname(built["manifest_path"])
        print(os.path.basename(folder), folder, built["target"]["name"], built["executable"])
' "$CARGO_TARGET_DIR.json" | sort
}

left_out | sed -E 's/^[a-z]+ +/left out: /'
failed=0
while read -r package folder name program; do
    skipped=()
    mapfile -t skipped < <(left_out | awk -v all="$all" -v package="$package" -v name="$name" \
        '$2 == package && $3 == name && $4 != "-" && ($1 == "never" || !all) { print $4 }')
    start=$SECONDS
    status=0
    (cd "$folder" && CARGO_MANIFEST_DIR=$folder timeout 600 "$program" --exact "${skipped[@]/#/--skip=}") >"$CARGO_TARGET_DIR.log" 2>&1 </dev/null || status=$?
    echo "$package $name: $(sed -n 's/^test result: //p' "$CARGO_TARGET_DIR.log" | tail -1) ($((SECONDS - start)) s)"
    if [ "$status" -ne 0 ]; then
        failed=1
        grep -A 8 "panicked at\|^failures:\|error" "$CARGO_TARGET_DIR.log" | tail -60 || tail -20 "$CARGO_TARGET_DIR.log"
    fi
done < <(programs)
[ "$failed" -eq 0 ] || exit 1
echo "tests on aarch64: ok"
