//! Rayon, traced: one span for each item, for each leaf, a summary, and the traced forms of `join` and `scope`.
//!
//! ```text
//! cargo run --example par_iter
//! ```
//!
//! The parent is passed where the work is submitted. So it is right on every thread, also for work that rayon steals.

use heirloom::export::Memory;
use heirloom::prelude::*; // adds `.traced(..)` to parallel iterators
use heirloom::tree::{self, TreeOptions};
use heirloom::Span;
use rayon::prelude::*;

fn main() -> Result<(), heirloom::InitError> {
    // Finished spans go into memory, to be printed at the end. `verify` counts spans that lost their parent.
    let memory = Memory::new();
    let guard = heirloom::builder("par_iter").exporter(memory.clone()).verify(true).init()?;

    let numbers: Vec<u64> = (1..=40).collect();
    heirloom::in_root("par_iter", |root| {
        // One span for each item; the closure gets it. For items that take more than a microsecond.
        let collatz: Vec<u64> = numbers
            .par_iter()
            .traced(root)
            .map("per item", |span, n| {
                span.set("n", *n);
                collatz_steps(*n)
            })
            .collect(); // rayon's `collect`: it keeps the order

        // One span for each leaf: the items that one thread took in one go. For items of any size.
        let total: u64 = collatz.par_iter().traced(root).per_leaf().map("per leaf", |steps| *steps).sum();

        // One span for each leaf, with the number of its items and their times.
        let longest = numbers.par_iter().traced(root).summary().map("summary", |n| collatz_steps(*n)).max();
        root.set("total", total).set("longest", longest.unwrap_or(0));

        // `join` records no span. It makes the parent current in both halves, so that `in_span` finds it.
        root.in_span("join", |join| println!("sum: {}", sum(&numbers, join)));

        // Jobs that borrow local data. Each gets its span, and a scope whose jobs are children of that span.
        root.in_span("scope", |parent| {
            heirloom::rayon::scope(parent, |scope| {
                for half in numbers.chunks(20) {
                    scope.spawn("half", move |scope, span| {
                        span.set("items", half.len());
                        scope.spawn("inner", move |_, span| _ = span.set("first", half[0]));
                    });
                }
            });
        });
    });

    // `finish` returns after the exporters have delivered every span. The last line of the report is the ledger.
    let report = guard.finish();
    print!("{}", tree::render(&memory.spans(), &TreeOptions::new().lanes(true)));
    println!("{report}");
    Ok(())
}

/// The number of steps (halve, or triple and add one) to get to 1.
fn collatz_steps(n: u64) -> u64 {
    let next = |n: &u64| Some(if n % 2 == 0 { n / 2 } else { 3 * n + 1 });
    std::iter::successors(Some(n), next).take_while(|n| *n > 1).count() as u64
}

/// Divide and conquer: each leaf has a span.
fn sum(numbers: &[u64], parent: &Span) -> u64 {
    if numbers.len() <= 10 {
        return heirloom::in_span("leaf", |_| numbers.iter().sum());
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    let (left, right) = heirloom::rayon::join(parent, || sum(left, parent), || sum(right, parent));
    left + right
}
