//! A service on tokio that passes work that could crash or hang to worker processes, and never blocks its only thread.
//!
//! ```text
//! cargo run --release --example worker_service --features tokio,workers
//! ```
//!
//! Requests come faster than two workers can process them, and the pool's queue is short: `submit_async` waits for room
//! while other tasks keep running. One request never ends: its deadline fails it, and its worker is replaced. Each request's
//! tenant is propagated as baggage, and its worker's spans are in its trace.

use heirloom::export::Memory;
use heirloom::prelude::*; // adds `.in_span(..)` to futures
use heirloom::tree::{self, TreeOptions};
use heirloom::workers::{self, JobError, Pool, Worker};
use heirloom::{Baggage, Context, Span};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{interval, MissedTickBehavior};

/// A question to the service, which is also the input of a worker's job.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Question {
    /// The largest number of steps of a Collatz sequence that starts below this number.
    LongestBelow(u64),
    /// A job that never ends.
    Endless,
}

struct Request {
    tenant: &'static str,
    question: Question,
    reply: oneshot::Sender<Result<u64, String>>,
}

static ANSWER: Worker<Question, u64> = Worker::new("answer", answer);

const REQUESTS: u64 = 24;
const DEADLINE: Duration = Duration::from_secs(3);

/// In a worker process.
fn answer(span: &Span, question: Question) -> u64 {
    span.set("tenant", workers::baggage().get("tenant").unwrap_or("nobody"));
    match question {
        Question::LongestBelow(limit) => span.in_span("search", |_| (1..limit).map(collatz).max().unwrap_or(0)),
        Question::Endless => span.in_span("for ever", |_| loop {
            std::hint::spin_loop();
        }),
    }
}

fn collatz(mut n: u64) -> u64 {
    let mut steps = 0;
    while n > 1 {
        n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    steps
}

fn main() -> Result<(), Box<dyn Error>> {
    workers::serve(&[&ANSWER]); // in a worker process: serves jobs and exits; otherwise returns at once

    let memory = Memory::new();
    let guard = heirloom::builder("worker_service").exporter(memory.clone()).verify(true).init()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(run())?;
    let report = guard.finish();
    let spans = memory.take();
    println!("\n{}", tree::render(&spans, &TreeOptions::new().lanes(true)));
    for span in spans.iter().filter(|span| span.aborted) {
        println!("aborted: {}: {:?}", span.name, span.status);
    }
    println!("\n{report}");
    Ok(())
}

/// Sends many questions at once, while the task `beat` checks that the thread isn't blocked.
async fn run() -> Result<(), Box<dyn Error>> {
    // A short job that was sent to a worker behind one that never ends would miss its deadline too: one job per worker at a time.
    let pool = ANSWER.pool().workers(2).queue(2).in_flight(1).start_async().await?;
    let (ask, requests) = mpsc::channel(1);
    let heart = tokio::spawn(beat());
    let service = tokio::spawn(serve(pool.clone(), requests));
    let mut answers = Vec::new();
    for n in 0..REQUESTS {
        let question = if n == 7 { Question::Endless } else { Question::LongestBelow(4_000 + 100 * n) };
        let (reply, answer) = oneshot::channel();
        ask.send(Request { tenant: ["blue", "green"][n as usize % 2], question, reply }).await?;
        answers.push((question, answer));
    }
    drop(ask); // the service ends when all questions are answered
    for (question, answer) in answers {
        match answer.await? {
            Ok(steps) => println!("{question:?}: {steps}"),
            Err(error) => println!("failed: {question:?}: {error}"),
        }
    }
    service.await?;
    heart.abort();
    let report = pool.shutdown_async(Duration::from_secs(10)).await;
    println!("shut down: {report:?}");
    Ok(())
}

/// Beats every 5 ms, and reports late beats.
async fn beat() {
    let mut beats = interval(Duration::from_millis(5));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        beats.tick().await;
        if last.elapsed() > Duration::from_millis(500) {
            println!("blocked: no beat for {:?}", last.elapsed());
        }
        last = Instant::now();
    }
}

/// One task for each request.
async fn serve(pool: Pool<Question, u64>, mut requests: mpsc::Receiver<Request>) {
    let mut tasks = JoinSet::new();
    while let Some(request) = requests.recv().await {
        let root = heirloom::root("request");
        root.set("tenant", request.tenant);
        let cx = root.context();
        tasks.spawn(handle(pool.clone(), cx, request).in_span(root));
    }
    while tasks.join_next().await.is_some() {}
}

async fn handle(pool: Pool<Question, u64>, cx: Context, request: Request) {
    let answer = ask(&pool, cx, &request).await;
    // The sender of the question may have dropped the receiver.
    drop(request.reply.send(answer.map_err(|error| error.to_string())));
}

async fn ask(pool: &Pool<Question, u64>, cx: Context, request: &Request) -> Result<u64, JobError<Question>> {
    let mut baggage = Baggage::new();
    // A key that is a token always fits into empty baggage.
    drop(baggage.insert("tenant", request.tenant));
    let job = pool.job(cx, request.question).with_baggage(baggage).deadline(DEADLINE);
    job.submit_async().await.map_err(JobError::NotSubmitted)?.await
}
