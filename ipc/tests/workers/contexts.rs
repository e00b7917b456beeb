//! Contexts travel with jobs.

use crate::support::{pool, run, Task, LONG};
use heirloom_core::export::Memory;
use heirloom_core::{builder, Baggage, Context};
use std::path::Path;

#[test]
fn a_jobs_span_is_a_child_of_its_own_jobs_context_whichever_worker_takes_it() {
    let pool = pool(3).env("OTEL_TRACES_SAMPLER", "always_on").start().unwrap();
    let guard = builder("parent").exporter(Memory::new()).start().unwrap();
    let tracer = guard.tracer();
    let jobs: Vec<_> = (0..50)
        .map(|_| {
            let root = tracer.root("submits");
            (root.context(), pool.submit(&root, Task::Contexts).unwrap())
        })
        .collect();
    for (parent, job) in jobs {
        let reply = job.wait(LONG).unwrap();
        let [span, current] = [0, 1].map(|n| reply.split(' ').nth(n).unwrap());
        let (span, current) = (Context::from_traceparent(span).unwrap(), Context::from_traceparent(current).unwrap());
        assert_eq!((span.trace_id(), span.trace_flags()), (parent.trace_id(), parent.trace_flags()));
        assert_ne!(span.span_id(), parent.span_id());
        assert_eq!(current.span_id(), span.span_id(), "it is current in the job");
    }
}

#[test]
fn a_job_of_a_trace_that_is_not_sampled_is_not_recorded_and_keeps_its_trace() {
    let pool = pool(1).start().unwrap();
    let parent = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").unwrap();
    let reply = pool.submit(parent, Task::Contexts).unwrap().wait(LONG).unwrap();
    let parts: Vec<&str> = reply.split([' ', '-']).collect();
    assert_eq!((parts[1], parts[3]), ("0af7651916cd43dd8448eb211c80319c", "00"), "{reply}");
}

#[test]
fn a_tracestate_travels_along() {
    let pool = pool(1).start().unwrap();
    let guard = builder("parent").exporter(Memory::new()).start().unwrap();
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let cx = guard.tracer().extract(text, Some("vendor=value,other=1")).unwrap();
    let reply = pool.submit(cx, Task::Contexts).unwrap().wait(LONG).unwrap();
    assert!(reply.contains("0af7651916cd43dd8448eb211c80319c") && reply.ends_with(" vendor=value,other=1"), "{reply}");
}

/// The parent's id and the span's name, as the worker's own tracer exports them.
#[test]
fn a_worker_exports_its_spans_with_the_submitters_as_their_parents() {
    let directory = std::env::temp_dir().join(format!("heirloom-workers-trace-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let pool = pool(1).env("HEIRLOOM_TRACE_FILE", directory.join("trace.json")).start().unwrap();
    let parent = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let worker = {
        let job = pool.submit(parent, Task::Pid).unwrap();
        job.wait(LONG).unwrap()
    };
    assert!(run(&pool, Task::Panic(String::from("on purpose"))).is_err());
    assert!(pool.shutdown(LONG).is_clean());
    let trace = std::fs::read_to_string(directory.join(format!("trace.{worker}.json"))).unwrap();
    remove(&directory);
    for expected in ["\"task\"", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "the thread panicked"] {
        assert!(trace.contains(expected), "{expected} is missing in {trace}");
    }
}

fn remove(directory: &Path) {
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn baggage_arrives_with_its_job_and_is_passed_on_to_commands_and_jobs_of_the_worker() {
    let pool = pool(1).start().unwrap();
    let cx = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let mut baggage = Baggage::new();
    baggage.insert("user", "Am\u{e9}lie").unwrap();
    let job = pool.job(cx, Task::Baggage).with_baggage(baggage).submit().unwrap();
    assert_eq!(job.wait(LONG).unwrap(), ["user=Am%C3%A9lie"; 4].join(" "));
    // The next job of the same worker has none of it.
    assert_eq!(pool.submit(cx, Task::Baggage).unwrap().wait(LONG).unwrap().trim(), "");
    let mut other = Baggage::new();
    other.insert("user", "u2").unwrap();
    let replies: Vec<_> = pool.map(cx, [Task::Baggage]).with_baggage(other).map(Result::unwrap).collect();
    assert_eq!(replies, [["user=u2"; 4].join(" ")]);
}

#[test]
fn baggage_that_arrived_reaches_the_jobs_of_its_trace_and_what_they_start_without_a_tracer_too() {
    let pool = pool(1).start().unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let cx = Context::from_headers(Some(parent), None, Some("user=u1")).unwrap();
    let submit =
        |cx: Context| pool.submit(cx.in_span("server", |span| span.context()), Task::Baggage).unwrap().wait(LONG);
    assert_eq!(submit(cx).unwrap(), ["user=u1"; 4].join(" "));
    let mapped: Vec<_> = pool.map(cx, [Task::Baggage]).map(Result::unwrap).collect();
    assert_eq!(mapped, [["user=u1"; 4].join(" ")]);
    let guard = builder("parent").exporter(Memory::new()).start().unwrap();
    assert_eq!(submit(guard.tracer().bind(cx)).unwrap(), ["user=u1"; 4].join(" "));
    let none = pool.job(cx, Task::Baggage).with_baggage(Baggage::new()).submit().unwrap();
    assert_eq!(none.wait(LONG).unwrap().trim(), "");
}
