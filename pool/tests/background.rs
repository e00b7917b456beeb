//! Background jobs: which trace they are in, and that the main trace doesn't wait for them.
#![cfg(feature = "record")]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::mark::{MarkKind, StageKind};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, Context, Span, SpanId, SpanKind, Status, TraceId};
use heirloom_pool::background::{BackgroundJob, WaitError};
use heirloom_pool::prelude::*;
use std::sync::mpsc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn named(t: &Testing, name: &str) -> SpanData {
    t.spans().into_iter().find(|span| span.name == name).unwrap()
}

#[test]
fn a_job_has_a_trace_of_its_own_linked_to_the_span_that_started_it() {
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").on_thread(|_| in_span("inside", |_| ())));
        job.wait(LONG).unwrap();
        t.assert_tree_sorted("job\n  inside\nroot");
        let (root, job) = (named(t, "root"), named(t, "job"));
        assert_ne!(job.trace_id, root.trace_id);
        assert_eq!(job.kind, SpanKind::Consumer);
        let [(trace, span, _)] = &job.links[..] else { panic!("one link") };
        assert_eq!((*trace, *span), (root.trace_id, root.span_id));
        assert!(job.attributes.iter().any(|(key, value)| key == "heirloom.queue_ns" && value.as_i64() > Some(0)));
        t.assert_balanced();
    });
}

#[test]
fn a_child_job_is_in_the_trace_of_the_span_that_started_it() {
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").child().on_thread(|_| ()));
        job.wait(LONG).unwrap();
        t.assert_tree_sorted("root\n  job");
        let job = named(t, "job");
        assert!(job.links.is_empty());
        assert_eq!(job.kind, SpanKind::Consumer);
    });
}

#[test]
fn an_unlinked_job_tells_nothing_of_who_started_it() {
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").unlinked().on_thread(|_| ()));
        job.wait(LONG).unwrap();
        t.assert_tree_sorted("job\nroot");
        let job = named(t, "job");
        assert!(job.links.is_empty());
        assert_eq!(job.kind, SpanKind::Consumer);
    });
}

#[test]
fn a_job_says_which_span_submitted_it_unless_it_is_unlinked() {
    testing::run(|t| {
        let wait = |job: BackgroundJob<()>| job.wait(LONG).unwrap();
        in_root("root", |root| {
            let other = root.span("other").context();
            wait(root.background("linked").on_thread(move |job| {
                wait(job.background("of a job").on(std::thread::spawn, |_| ()));
            }));
            wait(root.background("child").child().on_thread(|_| ()));
            wait(root.background("unlinked").unlinked().on_thread(move |span| _ = span.link(other)));
        });
        let submitter = |name: &str| {
            let (job, marks) = (named(t, name).span_id, t.marks());
            let stages: Vec<_> =
                marks.iter().filter(|mark| mark.kind == MarkKind::Stage && mark.span == Some(job)).collect();
            let [stage] = stages[..] else { panic!("{name}: {stages:#?}") };
            assert_eq!((stage.a, stage.b), (StageKind::Submitted as u64, 0), "{name}");
            stage.c
        };
        let id = |name| named(t, name).span_id.to_u64();
        let wanted = [("linked", id("root")), ("of a job", id("linked")), ("child", id("root")), ("unlinked", 0)];
        wanted.into_iter().for_each(|(name, by)| assert_eq!(submitter(name), by, "{name}"));
    });
}

#[test]
fn a_wait_names_the_job_that_ended_it() {
    testing::run(|t| {
        let (release, released) = mpsc::channel::<()>();
        in_root("root", |root| {
            let nap = |_: &Span| std::thread::sleep(Duration::from_millis(100));
            root.background("handle").on_thread(nap).wait(LONG).unwrap();
            let slow = root.background("slow").on_thread(move |_| released.recv());
            let Err(WaitError::TimedOut(slow)) = slow.wait(Duration::from_millis(5)) else {
                panic!("it can't be done yet")
            };
            release.send(()).unwrap();
            slow.wait(LONG).unwrap().unwrap();
        });
        let marks = t.marks();
        let mut waits: Vec<_> = marks.iter().filter(|mark| mark.kind == MarkKind::Wait).collect();
        waits.sort_by_key(|wait| wait.time_ns);
        let id = |name| named(t, name).span_id.to_u64();
        let named: Vec<u64> = waits.iter().map(|wait| wait.d).collect();
        // The last wait may be too short to be one.
        assert!([id("handle"), 0, id("slow")].starts_with(&named) && named.len() >= 2, "{waits:#?}");
    });
}

#[test]
fn the_main_trace_is_exported_while_the_job_still_runs() {
    testing::run(|t| {
        let (release, released) = mpsc::channel::<()>();
        let job = in_root("root", |root| root.background("job").on_thread(move |_| released.recv()));
        t.assert_tree("root");
        assert!(!job.is_finished());
        release.send(()).unwrap();
        job.wait(LONG).unwrap().unwrap();
        t.assert_tree_sorted("job\nroot");
    });
}

#[test]
fn a_job_of_an_unsampled_span_decides_on_its_own_and_links_to_nothing() {
    testing::run(|t| {
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
        let (own, child) = remote.in_span("not sampled", |span| {
            (span.background("job").on_thread(|_| ()), span.background("child").child().on_thread(|_| ()))
        });
        own.wait(LONG).unwrap();
        child.wait(LONG).unwrap();
        t.assert_tree("job");
        assert!(named(t, "job").links.is_empty());
    });
}

#[test]
fn a_job_that_panics_closes_its_span_as_an_error() {
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").on_thread(|_| -> () { panic!("on purpose") }));
        assert!(matches!(job.wait(LONG), Err(WaitError::Panicked)));
        assert!(matches!(named(t, "job").status, Status::Error(_)));
        t.assert_balanced();
    });
}

#[test]
fn a_job_that_never_ran_has_no_span() {
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").on(drop, |_| ()));
        assert!(matches!(job.wait(LONG), Err(WaitError::NeverRan)));
        t.assert_tree("root");
        t.assert_balanced();
    });
}

#[test]
fn a_job_that_returns_an_err_closes_its_span_as_an_error_of_that_type() {
    testing::run(|t| {
        let (good, bad) = in_root("root", |root| {
            let parse = |text: &'static str| move |_: &heirloom_core::Span| text.parse::<u8>();
            (root.background("good").on_thread(parse("7")), root.background("bad").on_thread(parse("x")))
        });
        assert_eq!(good.wait(LONG).unwrap(), Ok(7));
        assert!(bad.wait(LONG).unwrap().is_err());
        let (good, bad) = (named(t, "good"), named(t, "bad"));
        assert_eq!((good.status.clone(), good.attribute("error.type")), (Status::Unset, None));
        assert_eq!(bad.status, Status::Error(String::new()));
        let error_type = bad.attribute("error.type").and_then(|value| value.as_str().map(str::to_owned));
        assert_eq!(error_type.as_deref(), Some("core::num::error::ParseIntError"));
        t.assert_balanced();
    });
}

#[test]
fn the_thread_of_a_job_and_its_lane_are_named_after_the_job() {
    testing::run(|t| {
        let job = in_root("root", |root| {
            root.background(format!("reindex the \0 library of {}", "books")).on_thread(|_| {
                let thread = std::thread::current().name().map(str::to_owned);
                let shown = std::fs::read_to_string("/proc/thread-self/comm").ok();
                Ok::<_, std::convert::Infallible>((thread, shown))
            })
        });
        let name = "reindex the ? library of books";
        let (thread, shown) = job.wait(LONG).unwrap().unwrap();
        assert_eq!(thread.as_deref(), Some(name));
        if let Some(shown) = shown {
            assert_eq!(shown.trim_end(), &name[..15]);
        }
        let lane = t.spans().into_iter().find(|span| span.name.starts_with("reindex")).unwrap().lane;
        assert_eq!(&*lane.thread_name, name);
    });
}
