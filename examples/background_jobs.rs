//! Background jobs: work that a trace starts and doesn't wait for.
//!
//! ```text
//! cargo run --example background_jobs
//! ```
//!
//! A request saves rows and answers at once; the rest of the work runs in the background. The request's trace is complete
//! and exported while the jobs still run.

use heirloom::export::{Memory, SpanData};
use heirloom::prelude::*; // adds `.background(..)` to spans and contexts
use heirloom::tree;
use std::sync::mpsc;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let memory = Memory::new();
    let guard = heirloom::builder("background_jobs").exporter(memory.clone()).verify(true).init()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "pool".to_owned()).build()?;

    // "reindex" waits at this gate, so that the example can show what is exported before it ends.
    let (let_go, gate) = mpsc::channel::<()>();

    let (reindex, notify) = heirloom::in_root("request", |root| {
        root.in_span("save", |span| _ = span.set("rows", 3));

        // The default: a separate trace, with a link to this one. `wait` on the handle returns the job's result.
        let reindex = root.background("reindex").on_thread(move |span| {
            gate.recv()?;
            span.in_span("sort", |_| ());
            Ok::<_, mpsc::RecvError>("reindexed") // An `Err` would close the span as an error.
        });

        // A child in this trace. The request doesn't wait for it either. It runs on a rayon pool.
        let notify = root.background("notify").child().on_pool(&pool, |span| {
            span.set("channel", "mail");
        });

        // A separate trace without a link. Any function that takes a closure can run it: here `spawn` of the same pool.
        root.background("housekeeping").unlinked().on(|job| pool.spawn(job), |_span| ());
        (reindex, notify)
    });
    notify.wait(Duration::from_secs(10))?;

    // "request" has ended, so it can be exported: "reindex" still runs.
    guard.tracer().flush(Duration::from_secs(10))?;
    let exported = memory.spans();
    assert!(find(&exported, "request").is_some() && !reindex.is_finished());
    println!("\nexported while \"reindex\" still runs:\n{}", tree::names_sorted(&exported));

    let_go.send(())?;
    println!("{}\n", reindex.wait(Duration::from_secs(10))??);

    let report = guard.finish(); // waits for jobs that still run, until its deadline
    let spans = memory.spans();
    print!("{}", tree::names_sorted(&spans));
    let link = find(&spans, "reindex").and_then(|job| job.links.first());
    let linked_to = link.and_then(|link| spans.iter().find(|span| span.span_id == link.1));
    println!("\n\"reindex\" is linked to {:?}", linked_to.map(|span| &span.name));
    println!("{report}");
    Ok(())
}

fn find<'a>(spans: &'a [SpanData], name: &str) -> Option<&'a SpanData> {
    spans.iter().find(|span| span.name == name)
}
