#!/usr/bin/env bash
# The tests of `core`, `pool` and `ipc` on aarch64: cross-compiled by Debian's Rust 1.85 (ci/old-compiler.sh) and run in
# qemu's emulator. If a part can't be installed, the script prints its name and tests nothing.
#
# Emulated code runs ten to twenty times slower, so it runs the tests of what may differ on another processor: memory
# shared between threads and processes, the clock, system calls, layouts. `left_out` lists the others, with the reason.
#
# It ends within eight minutes on two cores after ci/msrv.sh: if the programs run for longer than `limit` seconds, the script fails.
#
#   ci/aarch64.sh [all]     all: builds and runs the programs that are left out for their time too, without a limit
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

skip() {
    echo "tests on aarch64: skipped: $1"
    exit 0
}

# The lines are: kind of reason, package, test program, test or - for all of it, reason. A program that is left out for its
# `time` is not built, unless the argument is `all`. Of the unit tests of `core` only `unit_tests` run, unless the argument is `all`.
unit_tests=(shard:: thread:: shm:: wire:: clock:: sys:: life:: propagated::)
left_out() {
    cat <<'LIST'
never ipc  kills          -    it kills thousands of processes at random moments: hours in the emulator, whose moments differ from the hardware's
never core fork           -    the emulator hangs when the child of a process with threads forks and starts threads itself
never pool fork           -    the same
never core privileges     -    the kernel ignores set-user-ID of a program that it passes to the emulator
never core regions        memory::a_regions_ring_gives_its_memory_back_as_holes the pages of a program are the emulator's
never ipc  heirloom_ipc   process::exit::tests::a_signal_has_its_name the emulator takes two real-time signals for itself
never ipc  attached       without_memory_a_child_runs_and_its_span_says_that_it_did_not_join the emulator needs address space too
never ipc  attached       with_little_address_space_a_child_has_smaller_rings_and_attaches the same
never ipc  attached       a_region_takes_at_most_half_of_the_address_space_that_is_left the same
never ipc  workers        starts::a_setuid_program_follows_no_invitation_of_its_user_and_starts_no_workers as `privileges`
never ipc  workers        starts::an_executable_that_does_not_exist_is_an_error_with_its_name the emulator starts, and doesn't find it
never ipc  workers        futures::a_pool_is_started_and_shut_down_on_any_executor the same
time  core regions        limits::what_open_spans_hold_is_bounded_whatever_it_is counts of the collector: 20 s
time  core regions        a_child_with_too_many_open_spans_is_told_that_and_not_that_it_is_damaged the same: 14 s
time  core threads        many_tracers_in_sequence_on_the_same_threads_leak_nothing its deadlines are for the hardware's pace
time  core threads        a_thread_that_only_begins_spans_for_others_costs_the_collector_no_memory counts of the collector: 40 s
time  core threads        a_hundred_thousand_short_lived_threads_are_accounted_for_in_flat_memory more than a minute; other tests start thousands
time  ipc  workers        deadlines::the_spans_of_a_job_that_outlives_its_deadline_are_aborted_with_this_cause its deadline is for the hardware's pace
time  ipc  workers        starts::without_descriptors_left_the_error_says_so_and_later_pools_work the same
time  ipc  workers        jobs::results_come_in_order_or_as_they_are_completed the same
time  ipc  workers        futures::a_panicking_waker_costs_no_other_submitter_its_turn the executor, in safe code: 30 s
time  ipc  workers        resources::two_hundred_pools_leave_nothing_behind 36 s
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
time  core diagnostics    -    messages, in safe code
time  core sampling       -    a long loop of samplers, in safe code
time  core conflicts      -    settings, in safe code
time  core complete       -    counts of the collector, in safe code
time  core cost           -    a cost on the hardware
time  core events         -    values, in safe code
time  core explicit_ids   -    values, in safe code
time  core extensions     -    settings, in safe code
time  core finished_tracer - calls that do nothing, in safe code
time  core guards         -    guards, in safe code
time  core implicit_roots -    counts of the collector, in safe code
time  core captures       -    texts, in safe code
time  core lanes          -    names, in safe code
time  core lost_tracestates - counts of the collector, in safe code
time  core marks          -    as `recording` and `regions`, which have marks too
time  core memory         -    the memory of a process, which is the emulator's here
time  core overload       -    deadlines, in safe code
time  core passing_on     -    values, in safe code
time  core propagation    -    texts, in safe code
time  core queues         -    counts of the exporters' queues, in safe code
time  core scopes         -    guards, in safe code
time  core stderr         -    messages, in safe code
time  core trace_file     -    files, in safe code
time  core unwinding      -    guards, in safe code
time  core waiting        -    deadlines for the hardware's pace
time  core stress         -    as `threads`, for longer
time  ipc  command        -    as `attached`, which starts commands too
time  ipc  environment    -    texts, in safe code
time  ipc  plain          -    commands without recording
time  ipc  tokio_command  -    as `attached`, in tokio's commands
time  ipc  workers_program -   as `workers`
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

# The directory of ci/msrv.sh, whose compiler it is: macros and build scripts are built once.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/msrv"
export RUSTC=/usr/bin/rustc CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=1
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# Leaves out the tests over HTTP (core/Cargo.toml): they would take longer to build than everything else.
export RUSTFLAGS="--cfg heirloom_emulated"
# The emulator is slow: fewer random trees, threads and children than natively.
export HEIRLOOM_TREES=2000 HEIRLOOM_CONFIGURATIONS=20 HEIRLOOM_THREADS=2000 HEIRLOOM_CYCLES=20
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
    --features "$core,heirloom-pool/tokio,heirloom-pool/sync,heirloom-ipc/workers,heirloom-ipc/tokio" >"$CARGO_TARGET_DIR.json"

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

# Runs a test program in its package's folder.
attempt() {
    (cd "$1" && CARGO_MANIFEST_DIR=$1 timeout "$each" "${@:2}") >"$CARGO_TARGET_DIR.log" 2>&1 </dev/null
}

result() {
    echo "$1 $2: $(sed -n 's/^test result: //p' "$CARGO_TARGET_DIR.log" | tail -1) ($((SECONDS - $3)) s)"
}

left_out | sed -E 's/^[a-z]+ +/left out: /'
[ -n "$all" ] || echo "left out: core heirloom_core, all but ${unit_tests[*]}: safe code without atomics, or counts of the collector"
failed=0
# Nothing takes nearly as long: a program that does hangs.
each=150
[ -z "$all" ] || each=900
limit=420
begin=$SECONDS
while read -r package folder name program; do
    if [ -z "$all" ] && [ $((SECONDS - begin)) -gt $limit ]; then
        echo "$package $name: NOT RUN: $limit seconds were over"
        failed=1
        continue
    fi
    skipped=()
    mapfile -t skipped < <(left_out | awk -v all="$all" -v package="$package" -v name="$name" \
        '$2 == package && $3 == name && $4 != "-" && ($1 == "never" || !all) { print $4 }')
    only=()
    [ "$name" != heirloom_core ] || [ -n "$all" ] || only=("${unit_tests[@]}")
    start=$SECONDS
    if attempt "$folder" "$program" "${only[@]}" "${skipped[@]/#/--skip=}"; then
        result "$package" "$name" "$start"
        continue
    fi
    result "$package" "$name" "$start"
    grep -A 8 "panicked at\|^failures:\|error" "$CARGO_TARGET_DIR.log" | tail -60 || tail -20 "$CARGO_TARGET_DIR.log"
    # As in ci/tests.py: what fails by chance is named, to be mended.
    start=$SECONDS
    if attempt "$folder" "$program" "${only[@]}" "${skipped[@]/#/--skip=}"; then
        echo "::: FAILED ONCE, and passed when it ran again: $package $name"
    else
        failed=1
    fi
    result "$package" "$name" "$start"
done < <(programs)
[ "$failed" -eq 0 ] || exit 1
echo "tests on aarch64: ok"
