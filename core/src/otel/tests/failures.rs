//! Exporters that return errors, panic, hang or block: the counts, the messages, and that the next batch arrives.

use super::batch::plain_batch;
use crate::export::Exporter;
use crate::otel::OtelExporter;
use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_sdk::Resource;
use std::fmt;
use std::future::{pending, Future};
use std::pin::Pin;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::runtime;

/// Far longer than any step here takes, and far shorter than a hang.
const SOON: Duration = Duration::from_secs(20);
/// Long enough for a thread of a busy machine to start and to answer.
const SHORT: Duration = Duration::from_millis(500);

type Answer = Pin<Box<dyn Future<Output = OTelSdkResult> + Send>>;

/// An exporter that calls a function with the first span's id and the chunk's length.
struct Acts<F>(F);

impl<F> fmt::Debug for Acts<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acts")
    }
}

impl<F: Fn(u64, usize) -> Answer + Send + Sync> SpanExporter for Acts<F> {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let first = batch[0].span_context.span_id();
        (self.0)(u64::from_be_bytes(first.to_bytes()), batch.len())
    }
}

fn acts<F: Fn(u64, usize) -> Answer + Send + Sync + 'static>(act: F) -> OtelExporter<Acts<F>> {
    OtelExporter::new(Acts(act)).max_export_batch_size(2)
}

fn done(result: OTelSdkResult) -> Answer {
    Box::pin(async { result })
}

fn refuse(why: &str) -> OTelSdkResult {
    Err(OTelSdkError::InternalFailure(why.to_owned()))
}

/// Exports `len` spans in chunks of two. Returns the message and the number of rejected spans.
fn export(exporter: &mut impl Exporter, len: u64) -> Result<(), (u64, String)> {
    exporter.export(&plain_batch("a", len).into()).map_err(|error| (error.rejected(len), error.to_string()))
}

#[test]
fn an_error_is_told_and_counts_every_span() {
    let mut exporter = acts(|_, _| done(refuse("no route to host")));
    let said = "opentelemetry: 2 of 2 spans were not delivered: Operation failed: no route to host";
    assert_eq!(export(&mut exporter, 2), Err((2, said.into())));
}

#[test]
fn a_failed_chunk_counts_its_own_spans_and_the_next_ones_are_sent() {
    let (sent, received) = channel();
    let mut exporter = acts(move |first, len| match first {
        3 => done(refuse("too big")),
        7 => done(Err(OTelSdkError::Timeout(Duration::from_secs(1)))),
        _ => {
            sent.send((first, len)).unwrap();
            done(Ok(()))
        }
    });
    let said = "opentelemetry: 3 of 7 spans were not delivered: Operation failed: too big (the first of 2 failures)";
    assert_eq!(export(&mut exporter, 7), Err((3, said.into())));
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [(1, 2), (5, 2)]);
}

#[test]
fn a_panic_is_told_and_the_exporter_is_kept() {
    let mut exporter = acts(|first, _| match first {
        1 => panic!("in export"),
        3 => Box::pin(async {
            tokio::task::yield_now().await;
            panic!("in the future of {}", 3)
        }),
        _ => done(Ok(())),
    });
    let said =
        "opentelemetry: 4 of 6 spans were not delivered: the exporter panicked: in export (the first of 2 failures)";
    assert_eq!(export(&mut exporter, 6), Err((4, said.into())));
}

#[test]
fn a_panic_outside_of_export_is_told_too() {
    #[derive(Debug)]
    struct Panics(Sender<()>);
    impl SpanExporter for Panics {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            Ok(())
        }
        fn force_flush(&self) -> OTelSdkResult {
            panic!("in flush")
        }
        fn shutdown(&self) -> OTelSdkResult {
            panic!("in shutdown")
        }
        fn set_resource(&mut self, resource: &Resource) {
            if resource.iter().any(|(_, value)| value.as_str() == "bad") {
                panic!("in set_resource")
            }
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (dropped, drops) = channel();
    let mut exporter = OtelExporter::new(Panics(dropped));
    let said = exporter.export(&plain_batch("bad", 2).into()).unwrap_err().to_string();
    assert_eq!(said, "opentelemetry: 2 of 2 spans were not delivered: the exporter panicked: in set_resource");
    assert_eq!(export(&mut exporter, 2), Ok(()));
    let said = exporter.flush().unwrap_err().to_string();
    assert_eq!(said, "opentelemetry: flush failed: the exporter panicked: in flush");
    let said = exporter.shutdown().unwrap_err().to_string();
    assert_eq!(said, "opentelemetry: shutdown failed: the exporter panicked: in shutdown");
    drops.recv_timeout(SOON).unwrap();
}

#[test]
fn a_future_that_hangs_is_dropped_at_the_deadline_and_the_next_chunk_is_sent() {
    struct SaysDropped(Sender<()>);
    impl Drop for SaysDropped {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (dropped, drops) = channel();
    let mut exporter = acts(move |first, _| {
        let guard = SaysDropped(dropped.clone());
        match first {
            1 => Box::pin(async move {
                let _guard = guard;
                pending().await
            }),
            _ => done(Ok(())),
        }
    })
    .timeout(SHORT);
    let started = Instant::now();
    let said = "opentelemetry: 2 of 4 spans were not delivered: \
                the exporter did not finish within its deadline (500ms) and was interrupted";
    assert_eq!(export(&mut exporter, 4), Err((2, said.into())));
    assert!((SHORT..SOON).contains(&started.elapsed()));
    assert_eq!(drops.try_iter().count(), 2);
}

/// An exporter whose first call blocks until something is sent (or the sender is dropped).
fn blocks_once() -> (Sender<()>, OtelExporter<impl SpanExporter>) {
    let (release, released) = channel::<()>();
    let released = Mutex::new(Some(released));
    let exporter = acts(move |_, _| {
        if let Some(released) = released.lock().unwrap().take() {
            let _ = released.recv();
        }
        done(Ok(()))
    });
    (release, exporter.timeout(SHORT))
}

#[test]
fn a_blocked_thread_is_left_behind_and_used_again_when_it_returns() {
    let (release, mut exporter) = blocks_once();
    let started = Instant::now();
    let said = "opentelemetry: 6 of 6 spans were not delivered: the exporter has blocked its thread for 1.5s, \
                beyond its deadline; nothing is sent until it returns";
    assert_eq!(export(&mut exporter, 6), Err((6, said.into())));
    assert!(started.elapsed() < SOON);
    let said = "opentelemetry: 4 of 4 spans were not delivered: the exporter has blocked its thread for 500ms, \
                beyond its deadline; nothing is sent until it returns";
    assert_eq!(export(&mut exporter, 4), Err((4, said.into())));
    assert!(exporter.flush().is_err());

    release.send(()).unwrap();
    let mut exporter = exporter.timeout(SOON);
    assert_eq!(export(&mut exporter, 4), Ok(()));
}

#[test]
fn shutdown_and_drop_do_not_wait_for_a_blocked_thread() {
    let (_never, mut exporter) = blocks_once();
    let started = Instant::now();
    assert!(export(&mut exporter, 1).is_err());
    let said = exporter.shutdown().unwrap_err().to_string();
    assert!(said.starts_with("opentelemetry: shutdown failed: the exporter has blocked"), "{said}");
    drop(exporter);
    assert!(started.elapsed() < SOON);
}

#[test]
fn exporter_and_runtime_end_when_ours_is_dropped() {
    let (kept, gone): (Sender<()>, Receiver<()>) = channel();
    let (started, task) = channel();
    let mut exporter = acts(move |_, _| {
        let (kept, started) = (kept.clone(), started.clone());
        tokio::spawn(async move {
            started.send(()).unwrap();
            pending::<()>().await;
            drop(kept);
        });
        done(Ok(()))
    });
    assert_eq!(export(&mut exporter, 1), Ok(()));
    task.recv_timeout(SOON).unwrap();
    drop(exporter);
    assert_eq!(gone.recv_timeout(SOON), Err(RecvTimeoutError::Disconnected), "exporter or task still there");
}

/// An exporter like those of asynchronous clients: a timer, a task, an answer from another thread.
fn asynchronous() -> OtelExporter<impl SpanExporter> {
    acts(|_, _| {
        Box::pin(async {
            let task = tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Context::is_current_telemetry_suppressed()
            });
            match (task.await, Context::is_current_telemetry_suppressed()) {
                (Ok(true), true) => Ok(()),
                other => refuse(&format!("telemetry of the exporter is not suppressed: {other:?}")),
            }
        })
    })
}

/// An exporter like those of blocking clients, which start a runtime inside the call and drop it there.
fn blocking() -> OtelExporter<impl SpanExporter> {
    acts(|_, _| {
        let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(tokio::time::sleep(Duration::from_millis(1)));
        done(Ok(()))
    })
}

/// Otherwise an exporter would export its own spans again and again, and in the mode `complete` wait for itself.
#[test]
fn no_thread_of_the_exporter_records() {
    let guard = crate::builder("otel").settings(Default::default()).start().unwrap();
    let tracer = guard.tracer().clone();
    let records = move || tracer.root("of the exporter").is_recording();
    assert!(records(), "here it does");
    let mut exporter = acts(move |_, _| {
        let (here, task, blocking) = (records.clone(), records.clone(), records.clone());
        Box::pin(async move {
            let task = tokio::spawn(async move { task() }).await.unwrap();
            let blocking = tokio::task::spawn_blocking(blocking).await.unwrap();
            match (here(), task, blocking) {
                (false, false, false) => Ok(()),
                other => refuse(&format!("recorded here, in a task, on a thread that may block: {other:?}")),
            }
        })
    });
    assert_eq!(export(&mut exporter, 1), Ok(()));
}

fn lives_a_whole_life(mut exporter: impl Exporter) {
    let started = Instant::now();
    assert_eq!(export(&mut exporter, 4), Ok(()));
    exporter.flush().unwrap();
    exporter.shutdown().unwrap();
    assert!(started.elapsed() < SOON);
}

#[test]
fn asynchronous_and_blocking_clients_work_on_a_plain_thread() {
    lives_a_whole_life(asynchronous());
    lives_a_whole_life(blocking());
}

#[test]
fn they_work_inside_a_single_threaded_runtime_that_waits_for_them() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        lives_a_whole_life(asynchronous());
        lives_a_whole_life(blocking());
        let mut dropped_while_running = asynchronous();
        assert_eq!(export(&mut dropped_while_running, 1), Ok(()));
    });
}

#[test]
fn they_work_inside_a_multi_threaded_runtime() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let task = runtime.spawn(async {
        lives_a_whole_life(asynchronous());
        lives_a_whole_life(blocking());
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn build_makes_the_exporter_in_its_own_runtime() {
    let made = OtelExporter::build(|| {
        let handle = runtime::Handle::try_current()?;
        Ok::<_, runtime::TryCurrentError>(Acts(move |_, _| {
            let task = handle.spawn(async {});
            Box::pin(async { task.await.map_err(|e| OTelSdkError::InternalFailure(e.to_string())) }) as Answer
        }))
    });
    lives_a_whole_life(made.unwrap());
}

#[test]
fn an_exporter_tied_to_a_runtime_that_waits_for_it_costs_the_deadline_and_no_more() {
    let program = runtime::Builder::new_current_thread().build().unwrap();
    let handle = program.handle().clone();
    let mut exporter = acts(move |_, _| {
        let task = handle.spawn(async {});
        Box::pin(async { task.await.map_err(|e| OTelSdkError::InternalFailure(e.to_string())) })
    })
    .timeout(SHORT);
    let started = Instant::now();
    let (rejected, said) = program.block_on(async { export(&mut exporter, 1) }).unwrap_err();
    assert!(rejected == 1 && said.contains("did not finish within its deadline"), "{said}");
    assert!(started.elapsed() < SOON);
}

#[test]
fn build_says_why_the_exporter_could_not_be_made() {
    type Never = Acts<fn(u64, usize) -> Answer>;
    let error = OtelExporter::<Never>::build(|| Err("bad endpoint")).err().unwrap().to_string();
    assert_eq!(error, "the OpenTelemetry exporter could not be made: bad endpoint");
    let error = OtelExporter::<Never>::build::<String>(|| panic!("oh")).err().unwrap().to_string();
    assert_eq!(error, "the OpenTelemetry exporter could not be made: the exporter's builder panicked: oh");
}
