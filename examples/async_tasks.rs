//! Async tasks: a service on tokio that passes computation to rayon and blocking calls to tokio's blocking threads.
//!
//! ```text
//! cargo run --release --example async_tasks --features tokio
//! ```
//!
//! Each request is a task with a separate trace. It asks two replicas at once and takes the first answer. The other
//! future is dropped, and its span is marked as cancelled. All tasks share a few threads, and no task sees another task's
//! current span.

use heirloom::export::{Memory, SpanData};
use heirloom::prelude::*; // adds `.in_span(..)` to futures, `.traced(..)` to `JoinSet`s, runtimes and parallel iterators
use heirloom::tokio as traced;
use heirloom::tree::{self, TreeOptions};
use heirloom::{carry_in_span, in_span, Context};
use rayon::prelude::*;
use std::error::Error;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Asks the service for the number of primes below `limit`.
struct Request {
    limit: u64,
    reply: oneshot::Sender<usize>,
}

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Box<dyn Error>> {
    let memory = Memory::new();
    let guard = heirloom::builder("async_tasks").exporter(memory.clone()).verify(true).init()?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    runtime
        .block_on(async {
            let (ask, requests) = mpsc::channel(16);
            let service = tokio::spawn(serve(requests));
            for limit in [1_000, 20_000, 300_000] {
                let (reply, answer) = oneshot::channel();
                ask.send(Request { limit, reply }).await?;
                println!("{} primes below {limit}", answer.await?);
            }
            drop(ask); // the service ends when the last sender is dropped
            service.await?
        })
        .map_err(|error: Failed| error.to_string())?;

    let report = guard.finish();
    let marks = memory.marks();
    let spans = memory.take();
    println!("\n{}", tree::render(&spans, &TreeOptions::new().lanes(true).marks(&marks)));
    for span in spans.iter().filter(|span| span.attribute("heirloom.cancelled").is_some()) {
        println!("cancelled: {:?}, after it had been polled for {} us", span.name, busy_us(span));
    }
    println!("\n{report}");
    Ok(())
}

/// Takes requests until the last sender is dropped, then waits for the open requests.
async fn serve(mut requests: mpsc::Receiver<Request>) -> Result<(), Failed> {
    let mut open = JoinSet::new();
    while let Some(request) = requests.recv().await {
        // No parent: each request is a separate trace.
        open.traced(Context::INERT).spawn("request", |cx| answer(cx, request));
    }
    while let Some(ended) = open.join_next().await {
        ended??;
    }
    Ok(())
}

/// The task of a request. `cx` is the context of its span, which is current whenever the task runs, on either thread.
async fn answer(cx: Context, request: Request) -> Result<(), Failed> {
    let limit = request.limit;
    let replica = tokio::select! {
        found = ask("one", Duration::from_millis(2)).in_span(cx.span("ask replica one")) => found,
        found = ask("two", Duration::from_secs(60)).in_span(cx.span("ask replica two")) => found,
    };
    let known = traced::spawn_blocking(cx, "read settings", move |span| {
        span.set("replica", replica);
        std::fs::metadata("Cargo.toml").is_ok()
    });
    let primes = count_primes(cx, limit).await?;
    known.await?;
    in_span("reply", |span| _ = span.set("primes", primes));
    // The sender of the request may have dropped the receiver.
    request.reply.send(primes).ok();
    Ok(())
}

async fn ask(replica: &'static str, takes: Duration) -> &'static str {
    sleep(takes).await;
    in_span("read answer", |_| replica)
}

/// From async to rayon, and back over a channel.
async fn count_primes(cx: Context, limit: u64) -> Result<usize, oneshot::error::RecvError> {
    let (done, counted) = oneshot::channel();
    let count = carry_in_span(cx, "count primes", move |span| {
        let numbers = (2..limit).into_par_iter().traced(span).per_leaf();
        numbers.map("numbers", |n| usize::from(is_prime(n))).sum()
    });
    // `count()` ends its span before the send, so the waiting task continues after the end of the span.
    rayon::spawn(move || _ = done.send(count()));
    counted.await
}

fn is_prime(n: u64) -> bool {
    (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

fn busy_us(span: &SpanData) -> i64 {
    span.attribute("heirloom.busy_ns").and_then(|ns| ns.as_i64()).unwrap_or(0) / 1000
}
