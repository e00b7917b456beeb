//! Threads that execute blocks of transactions, instrumented with the crate `tracing`, through Heirloom's layer.

use super::{numbers, Numbers};
use crate::peers::heirloom::init;
use crate::plan::Scenario;
use crate::work::{steps_that_take, work};
use heirloom_bridge::HeirloomLayer;
use std::hint::black_box;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt;

/// Transactions in a block.
const TRANSACTIONS: u64 = 64;

/// What a transaction computes, in nanoseconds.
const TRANSACTION_NS: f64 = 1000.0;

/// Spans of a block: the block, its execution, a span for each transaction.
pub const SPANS_PER_BLOCK: u64 = TRANSACTIONS + 2;

/// Measures in this process. `spans_per_thread` is a multiple of [`SPANS_PER_BLOCK`].
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    let (guard, received) = init(scenario)?;
    let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new());
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
    let (blocks, steps) = (scenario.spans_per_thread / SPANS_PER_BLOCK, steps_that_take(TRANSACTION_NS));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..scenario.threads)
            .map(|_| scope.spawn(move || (0..blocks).for_each(|number| block(number, scenario.attributes, steps))))
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join())
    })
    .map_err(|_| "a recording thread panicked".to_owned())?;
    let report = guard.finish();
    let ledger = report.ledger();
    let created = scenario.threads as u64 * blocks * SPANS_PER_BLOCK;
    let received = received.count();
    Ok(numbers([
        ("created", created as f64),
        ("received", received as f64),
        ("refused", ledger.transparent.total() as f64),
        ("lost_percent", 100.0 * created.saturating_sub(received) as f64 / created as f64),
        ("unnamed", created.abs_diff(received + ledger.dropped()) as f64),
    ]))
}

fn block(number: u64, attributes: bool, steps: u32) {
    info_span!("block", number).in_scope(|| {
        info_span!("execute").in_scope(|| {
            for i in 0..TRANSACTIONS {
                let span = match attributes {
                    true => info_span!("transaction", i, gas = 21_000, kind = "transfer"),
                    false => info_span!("transaction"),
                };
                span.in_scope(|| black_box(work(i, steps)));
            }
        });
    });
}
