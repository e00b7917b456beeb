//! Statements of `sqlx`, whose driver for SQLite runs on a separate thread. The test is alone in its file, because that
//! thread uses only a global subscriber.

use heirloom_bridge::HeirloomLayer;
use heirloom_core::export::Memory;
use heirloom_core::{builder, Tracer, Value};
use sqlx::{Connection, Row, SqliteConnection};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

#[tracing::instrument(skip_all)]
async fn load(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query("CREATE TABLE jobs (id INTEGER)").execute(&mut *connection).await?;
    sqlx::query("INSERT INTO jobs VALUES (1), (2)").execute(&mut *connection).await?;
    sqlx::query("SELECT sum(id) FROM jobs").fetch_one(connection).await?.try_get(0)
}

#[test]
fn statements_are_events_of_the_span_that_runs_them_though_another_thread_does() {
    let memory = Memory::new();
    let guard = builder("sqlx").exporter(memory.clone()).init().expect("a tracer");
    let which = Targets::new().with_target("sqlx::query", LevelFilter::DEBUG).with_target("sqlx", LevelFilter::INFO);
    tracing_subscriber::registry().with(HeirloomLayer::new().with_filter(which)).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sum = heirloom_core::in_root("ours", |_| {
        runtime.block_on(async { load(&mut SqliteConnection::connect("sqlite::memory:").await?).await })
    });
    assert_eq!(sum.expect("a sum"), 3);
    until_ended(guard.tracer());
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");

    let spans = memory.spans();
    let load = spans.iter().find(|span| span.name == "load").expect("the span of tracing's attribute");
    let ours = spans.iter().find(|span| span.name == "ours").expect("our span");
    assert_eq!(load.parent_span_id, Some(ours.span_id));
    let summaries: Vec<_> = load.events.iter().filter_map(|(_, _, attributes)| summary(attributes)).collect();
    assert_eq!(summaries, ["CREATE TABLE jobs (id …", "INSERT INTO jobs VALUES …", "SELECT sum(id) FROM jobs"]);
}

/// The driver's thread has the span until it has dropped the last statement, which may be after the answer.
fn until_ended(tracer: &Tracer) {
    let begin = Instant::now();
    while !tracer.open_spans(Duration::from_secs(10)).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", tracer.open_spans(Duration::from_secs(10)));
        sleep(Duration::from_millis(1));
    }
}

fn summary<'a>(attributes: &'a [(String, Value<'static>)]) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key == "summary").and_then(|(_, value)| value.as_str())
}
