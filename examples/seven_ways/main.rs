//! The seven ways to trace, in the four kinds of concurrency, sent to a receiver with Langfuse's interface that checks
//! every span. `cargo run --release -p heirloom-seven-ways --example seven_ways -- [LEAVES]`
//!
//! Prints how many leaves of each way arrived from each kind of concurrency, and the ledger.

use heirloom::workers;
use heirloom_receiver::Receiver;
use heirloom_seven_ways::check::Cell;
use heirloom_seven_ways::kind::{Kind, Stage, LEAVES};
use heirloom_seven_ways::machine::{self, Machine};
use heirloom_seven_ways::setup;
use heirloom_seven_ways::way::Way;
use std::error::Error;
use std::process::Command;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    setup::bridge()?; // in worker processes, too
    workers::serve(&[&LEAVES]);
    machine::serve();
    let leaves = std::env::args().nth(1).map_or(Ok(1000), |text| text.parse::<u64>())?;
    let receiver = Receiver::start();
    let guard = setup::start("seven-ways", receiver.url())?;
    let machine = Machine::start(Command::new(std::env::current_exe()?), receiver.url())?;
    let stage = Stage::start(machine, None)?;

    let mut jobs = 0;
    for way in Way::ALL {
        for kind in Kind::ALL {
            jobs += stage.run(way, kind, leaves)?;
            guard.tracer().flush(Duration::from_secs(30))?;
        }
    }
    let other = stage.finish()?;
    let report = guard.finish();

    let cells =
        Way::ALL.map(|way| Kind::ALL.map(|kind| receiver.with_spans(|spans| Cell::of(spans, way, kind, leaves))));
    print_matrix(&cells);
    let received = receiver.with_spans(<[_]>::len) as u64;
    println!(
        "\n{received} spans received in {} requests: 28 roots, {jobs} jobs, {} leaves",
        receiver.requests().len(),
        28 * leaves
    );
    receiver.violations().iter().take(10).for_each(|violation| println!("violation of the contract: {violation:?}"));
    println!("another machine: {other}");
    println!("{report}");

    let all_right = cells.iter().flatten().all(Cell::is_right) && received == 28 + jobs + 28 * leaves;
    if !all_right || !receiver.violations().is_empty() || !report.is_complete() || !other.contains("balanced=yes") {
        return Err("some spans are missing, have a wrong parent or violate the contract: see the output above".into());
    }
    Ok(())
}

fn print_matrix(cells: &[[Cell; 4]; 7]) {
    print!("{:<16}", "leaves received");
    Kind::ALL.iter().for_each(|kind| print!("{:>14}", kind.name()));
    println!();
    for (way, row) in Way::ALL.iter().zip(cells) {
        print!("{:<16}", way.name());
        row.iter().for_each(|cell| print!("{:>14}", cell.to_string()));
        println!();
    }
}
