//! What workers record is in their pool's trace: nothing but `serve` is needed.

use super::support::{pool, Task, LONG};
use heirloom_core::export::{Delivery, ExportError, Exporter, SpanData};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, Sampler, Status};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn named(t: &Testing, name: &str) -> Vec<SpanData> {
    t.spans().into_iter().filter(|span| span.name == name).collect()
}

#[test]
fn the_jobs_of_all_workers_are_in_one_tree() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(3).start().unwrap();
            let pids: BTreeSet<String> = pool
                .map(root, (0..60).map(|_| Task::Sleep(2)))
                .chain(pool.map(root, [Task::Pid]))
                .map(Result::unwrap)
                .collect();
            assert!(!pids.is_empty());
        });
        let (main, jobs) = (named(t, "main"), named(t, "task"));
        assert_eq!(jobs.len(), 61);
        let processes: BTreeSet<_> = jobs.iter().map(|span| span.lane.process_id).collect();
        assert!(processes.len() == 3 && !processes.contains(&std::process::id()), "{processes:?}");
        assert!(jobs.iter().all(|span| span.parent_span_id == Some(main[0].span_id)));
        assert!(jobs.iter().all(|span| span.start_ns >= main[0].start_ns && span.end_ns <= main[0].end_ns));
        assert!(jobs.iter().all(|span| !span.aborted));
        t.assert_complete();
    });
}

#[test]
fn a_worker_that_is_killed_keeps_what_it_had_finished_and_the_pool_says_that_it_died() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(2).start().unwrap();
            let error = pool.submit(root, Task::KilledInSpan).unwrap().wait(LONG).unwrap_err().to_string();
            assert!(error.contains("SIGKILL") || error.contains("signal: 9"), "{error}");
            pool.submit(root, Task::Echo("after".into())).unwrap().wait(LONG).unwrap();
        });
        let [done] = &named(t, "done")[..] else { panic!("{:#?}", t.spans()) };
        assert!(!done.aborted);
        for open in ["inside", "task"] {
            let aborted: Vec<_> = named(t, open).into_iter().filter(|span| span.aborted).collect();
            let [span] = &aborted[..] else { panic!("{open}: {aborted:?}") };
            assert!(matches!(&span.status, Status::Error(why) if why.contains("SIGKILL")), "{:?}", span.status);
        }
        let [died] = &named(t, "worker died")[..] else { panic!("{:#?}", t.spans()) };
        assert_eq!(died.attribute("process.exit.signal").and_then(|signal| signal.as_str()), Some("SIGKILL"));
        assert_eq!(died.attribute("process.child.pid").and_then(|pid| pid.as_i64()), Some(done.lane.process_id.into()));
        t.assert_balanced();
        assert_eq!(t.tracer().ledger().aborted, 2);
    });
}

#[test]
fn the_death_of_a_worker_is_below_the_parent_of_the_job_that_it_ran() {
    testing::run(|t| {
        let pool = in_root("main", |_| pool(1).start().unwrap());
        in_root("request", |request| {
            request.in_span("step", |step| drop(pool.submit(step, Task::Exit(3)).unwrap().wait(LONG)));
        });
        pool.shutdown(LONG);
        let (step, died) = (named(t, "step"), named(t, "worker died"));
        let [died] = &died[..] else { panic!("{:#?}", t.spans()) };
        assert_eq!((died.parent_span_id, died.trace_id), (Some(step[0].span_id), step[0].trace_id));
        assert_eq!(died.attribute("process.exit.code").and_then(|code| code.as_i64()), Some(3));
    });
}

#[test]
fn a_worker_leaves_out_what_its_parent_left_out() {
    testing::run_with(
        |b| b.sampler(Sampler::AlwaysOff),
        |t| {
            in_root("main", |root| {
                let pool = pool(1).start().unwrap();
                pool.submit(root, Task::Echo("x".into())).unwrap().wait(LONG).unwrap();
            });
            assert_eq!(t.spans().len(), 0);
            t.assert_balanced();
        },
    );
}

#[test]
fn a_worker_sets_values_of_its_trace_and_writes_to_its_own_spans_alone() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let reply = pool.submit(root, Task::Updates(root.context())).unwrap().wait(LONG).unwrap();
            assert_eq!(reply, "Err(Elsewhere)");
            pool.submit(root, Task::Echo("after".into())).unwrap().wait(LONG).unwrap();
        });
        let [main] = &named(t, "main")[..] else { panic!("{:#?}", t.spans()) };
        let jobs = named(t, "task");
        assert_eq!(jobs.iter().filter(|job| job.attribute("own").is_some()).count(), 1);
        assert_eq!(main.attribute("parents"), None);
        for span in jobs.iter().chain([main]) {
            assert_eq!(span.attribute("user.id").and_then(|user| user.as_str()), Some("u1"), "{}", span.name);
            let tags = span.attribute("heirloom.trace.tags").map(ToString::to_string);
            assert_eq!(tags.as_deref(), Some("[from a worker]"), "{}", span.name);
        }
        t.assert_balanced();
    });
}

#[cfg(feature = "tokio")]
#[test]
fn a_pool_that_is_started_in_a_runtime_records_into_the_trace_that_is_current_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    testing::run(|t| {
        in_root("main", |root| {
            runtime.block_on(async {
                let pool = pool(1).start_async().await.unwrap();
                pool.submit(root, Task::Echo("x".into())).unwrap().await.unwrap();
                pool.shutdown_async(LONG).await;
            });
        });
        t.assert_tree("main\n  task");
        t.assert_complete();
    });
}

/// Name and tracestate of each span, and those of its links.
#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<[String; 3]>>>);

impl Exporter for States {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.lock().unwrap().extend(delivery.spans().map(|span| {
            let links: Vec<_> = span.links().map(|link| link.tracestate()).collect();
            [span.name().to_owned(), span.tracestate().to_owned(), links.join(" ")]
        }));
        Ok(())
    }
}

#[test]
fn all_spans_of_a_worker_and_their_links_have_their_tracestates() {
    let states = States::default();
    testing::run_with(
        |b| b.exporter(states.clone()),
        |t| {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let pool = pool(1).start().unwrap();
            for (state, baggage) in [("vendor=1", ""), ("vendor=2", "tenant=blue"), ("", "tenant=blue")] {
                let cx = Context::from_headers(Some(parent), Some(state), Some(baggage)).unwrap();
                pool.submit(t.tracer().bind(cx), Task::Nested).unwrap().wait(LONG).unwrap();
            }
            t.assert_balanced();
        },
    );
    let mut seen = states.0.lock().unwrap().clone();
    seen.retain(|[name, ..]| ["task", "nested", "innermost"].contains(&name.as_str()));
    let mut expected: Vec<_> = ["vendor=1", "vendor=2", ""]
        .into_iter()
        .flat_map(|state| {
            let parts = [["nested", state, ""], ["innermost", state, "linked=1"]];
            [["task", state, ""]].into_iter().chain(std::iter::repeat_n(parts, 3).flatten())
        })
        .map(|texts| texts.map(str::to_owned))
        .collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

/// All texts of all spans.
fn texts(t: &Testing) -> String {
    t.spans().iter().map(|span| format!("{span:?}\n")).collect()
}

const LAST_WORDS: &str = "card 4111111111111111\nDB_PASSWORD=hunter2\nlast words";

#[test]
fn what_a_dead_worker_wrote_to_stderr_is_in_no_span() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let job = pool.submit(root, Task::KilledAfter(LAST_WORDS.into())).unwrap();
            let error = job.wait(LONG).unwrap_err().to_string();
            assert!(!error.contains("last words"), "the text of an error is recorded by whoever gets it: {error}");
        });
        assert_eq!(named(t, "worker died").len(), 1);
        assert!(!texts(t).contains("last words"), "{}", texts(t));
    });
}

#[test]
#[cfg(feature = "capture")]
fn a_dead_workers_stderr_is_recorded_on_request_by_the_rules_for_captured_values() {
    let recorded = |capture: heirloom_core::Capture| {
        let memory = heirloom_core::export::Memory::new();
        let guard = heirloom_core::builder("app").exporter(memory.clone()).capture(capture).start().unwrap();
        guard.tracer().in_root("main", |root| {
            let pool = pool(1).record_stderr(true).start().unwrap();
            pool.submit(root, Task::KilledAfter(LAST_WORDS.into())).unwrap().wait(LONG).unwrap_err();
        });
        drop(guard.finish());
        let died = memory.spans().into_iter().find(|span| span.name == "worker died").unwrap();
        died.attribute("heirloom.worker.stderr").map(|text| text.to_string())
    };
    let rules = heirloom_core::Capture::default().mask(|_, text| *text = text.replace("4111111111111111", "(a card)"));
    assert_eq!(recorded(rules.clone()).unwrap(), "card (a card)\nDB_PASSWORD=<redacted>\nlast words\n");
    assert_eq!(recorded(rules.clone().deny("stderr")).unwrap(), "<redacted>");
    assert_eq!(recorded(rules.enabled(false)), None);
}
