//! 1, 2, 4 and 8 threads record children of one parent, each tracer in turn. See the README of this package.

use heirloom_compare::args::Args;
use heirloom_compare::children::measure_all;
use heirloom_compare::machine::Machine;
use heirloom_compare::plan::{PeerName, Plan, CRATES};
use heirloom_compare::{measure, output, plot, report};
use std::process::ExitCode;

fn main() -> ExitCode {
    output::run(measure::child, contention)
}

fn contention(args: &Args) -> Result<bool, String> {
    let (threads, spans, repetitions) =
        if args.smoke { (vec![1, 2], 20_000, 1) } else { (vec![1, 2, 4, 8], 1_000_000, 5) };
    let plan = Plan {
        peers: args.peers(PeerName::best_cases()),
        threads: args.threads.clone().unwrap_or(threads),
        spans: args.spans.unwrap_or(spans),
        repetitions: args.repetitions.unwrap_or(repetitions),
        ring_bytes: None,
        on_main_thread: false,
    };
    let machine = Machine::here(&CRATES);
    let outcome = measure_all(&plan.scenarios());
    let table = report::contention(&plan, &machine, &outcome);
    let caption = format!(
        "{}, {} cores, {}; median and min-max of {} runs, log scale",
        machine.cpu, machine.cores, machine.date, plan.repetitions
    );
    let plot = plot::svg(&plan, &outcome.rows, &caption);
    output::write(args, "contention", &machine, &outcome, &table, &[("plot.svg", plot)])
}
