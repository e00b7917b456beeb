//! One thread records one child span after the other, each tracer in turn. See the README of this package.

use heirloom_compare::args::Args;
use heirloom_compare::children::measure_all;
use heirloom_compare::machine::Machine;
use heirloom_compare::plan::{PeerName, Plan, CRATES};
use heirloom_compare::{measure, output, report};
use std::process::ExitCode;

fn main() -> ExitCode {
    output::run(measure::child, single)
}

fn single(args: &Args) -> Result<bool, String> {
    if args.threads.is_some() {
        return Err("--threads: this benchmark has one thread; use contention for more".to_owned());
    }
    let (spans, repetitions) = if args.smoke { (20_000, 1) } else { (1_000_000, 7) };
    let plan = Plan {
        peers: args.peers(PeerName::best_cases()),
        threads: vec![1],
        spans: args.spans.unwrap_or(spans),
        repetitions: args.repetitions.unwrap_or(repetitions),
        ring_bytes: None,
        on_main_thread: true,
    };
    let machine = Machine::here(&CRATES);
    let outcome = measure_all(&plan.scenarios());
    let table = report::single(&plan, &machine, &outcome);
    output::write(args, "single", &machine, &outcome, &table, &[])
}
