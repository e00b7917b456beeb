//! Background jobs: they follow the span that submitted them, which doesn't wait for them.
#![allow(clippy::unwrap_used)]

use heirloom_core::{Context, Span};
use heirloom_insight::account::account;
use heirloom_insight::analysis::Cause;
use heirloom_insight::graph::Graph;
use heirloom_insight::model::{FanKind, Run, StageKind, WaitCause};
use heirloom_insight::read::Collector;
use heirloom_insight::testing::Kit;
use heirloom_insight::{analyse, Options};
use heirloom_pool::background::{self, BackgroundBuilder, BackgroundJob};
use heirloom_pool::prelude::*;
use heirloom_pool::threads;
use rayon::prelude::*;
use std::future::{Future, IntoFuture as _};
use std::sync::{mpsc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

fn ms(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds));
}

/// Records a program, below a root `run`. Programs take turns, since a process can wait for all of its jobs.
fn record(program: impl FnOnce(&Span)) -> Run {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let collector = Collector::new();
    let guard = heirloom_core::builder("recorded").exporter(collector.clone()).start().unwrap();
    guard.tracer().in_root("run", program);
    assert!(guard.finish().is_complete());
    collector.take().finish()
}

/// The names on the critical path, without what is repeated, and without delays.
fn chain(run: &Run) -> Vec<&str> {
    let graph = Graph::new(run);
    let spans = graph.critical_path().nodes.into_iter().filter_map(|(node, _)| graph.nodes[node as usize].span());
    let mut names: Vec<&str> = spans.map(|span| name(run, span)).collect();
    names.dedup();
    names
}

fn name(run: &Run, span: u32) -> &str {
    &run.names[run.spans[span as usize].name as usize]
}

/// Background jobs, and what submitted them.
fn jobs(run: &Run) -> Vec<(&str, &str)> {
    let mut jobs: Vec<_> =
        run.stages.iter().filter_map(|stage| Some((name(run, stage.span), name(run, stage.by?)))).collect();
    jobs.sort_unstable();
    jobs
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// All ways to submit a job that takes so many milliseconds.
type Submit = fn(BackgroundBuilder, u64, &rayon::ThreadPool, &tokio::runtime::Runtime) -> BackgroundJob<()>;
const WAYS: [(&str, Submit); 5] = [
    ("on_thread", |job, long, _, _| job.on_thread(move |_| ms(long))),
    ("on_pool", |job, long, pool, _| job.on_pool(pool, move |_| ms(long))),
    ("on", |job, long, _, _| job.on(thread::spawn, move |_| ms(long))),
    ("on_tokio", |job, long, _, runtime| {
        let _runtime = runtime.enter();
        job.on_tokio(async move { ms(long) })
    }),
    ("on_executor", |job, long, _, _| job.on_executor(|job| thread::spawn(|| block_on(job)), async move { ms(long) })),
];

fn pools() -> (rayon::ThreadPool, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    (rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap(), runtime)
}

#[test]
fn a_job_follows_what_its_submitter_did_before_in_every_form() {
    let (pool, runtime) = pools();
    for (way, submit) in WAYS {
        for child in [false, true] {
            let run = record(|root| {
                root.in_span("prepare", |_| ms(60));
                let job = root.background("job");
                let job = submit(if child { job.child() } else { job }, 250, &pool, &runtime);
                root.in_span("rest", |_| ms(10));
                drop(job);
            });
            assert_eq!(jobs(&run), [("job", "run")], "{way}");
            let chain = chain(&run);
            assert!(chain.contains(&"prepare") && chain.ends_with(&["job"]), "{way}, child: {child}: {chain:?}");
            let observed = account(&run).observed_path;
            let observed: Vec<&str> = observed.iter().map(|step| &*step.name).collect();
            assert!(observed.contains(&"prepare") && observed.ends_with(&["job"]), "{way}: {observed:?}");
            let traces: std::collections::HashSet<_> = run.spans.iter().map(|span| span.trace).collect();
            assert_eq!(traces.len(), if child { 1 } else { 2 }, "a linked job has a trace of its own");
            assert!(run.notes.iter().all(|note| !note.text.contains("parent")), "{:?}", run.notes);
        }
    }
}

#[test]
fn the_submitter_doesnt_wait_for_a_job_in_any_form() {
    let (pool, runtime) = pools();
    for (way, submit) in WAYS {
        for child in [false, true] {
            let run = record(|root| {
                let job = root.background("job");
                let job = submit(if child { job.child() } else { job }, 20, &pool, &runtime);
                while !job.is_finished() {
                    root.in_span("work", |_| ms(5));
                }
                root.in_span("rest", |_| ms(100));
            });
            let chain = chain(&run);
            assert!(!chain.contains(&"job") && chain.contains(&"rest"), "{way}, child: {child}: {chain:?}");
        }
    }
}

#[test]
fn the_observed_path_of_a_submitter_goes_to_no_job_unless_it_waited() {
    for (child, waits) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut kit = Kit::new();
        let [main, other] = ["main", "other"].map(|name| kit.lane(name));
        let root = kit.span(main, "run", None, 0..100);
        let job = kit.span(other, "job", child.then_some(root), 10..50);
        kit.background(job, root, 5);
        if waits {
            kit.wait(WaitCause::Job, main, Some(root), 20..50).releaser = Some(job);
        }
        let run = kit.run();
        let observed = account(&run).observed_path;
        let observed: Vec<_> = observed.iter().map(|step| (&*step.name, step.from, step.to, step.because)).collect();
        let graph = Graph::new(&run).critical_path().length;
        match waits {
            true => assert_eq!(
                (observed, graph),
                (vec![("run", 0, 5, "start"), ("job", 10, 50, "queue"), ("run", 50, 100, "join")], 95)
            ),
            false => assert_eq!((observed, graph), (vec![("run", 0, 100, "start")], 100)),
        }
    }
}

#[test]
fn what_waits_for_a_job_follows_it() {
    let by_handle = |job: BackgroundJob<()>| job.wait(LONG).unwrap();
    let for_all = |_: BackgroundJob<()>| assert_eq!(background::wait_all(LONG), 0);
    type Wait = fn(BackgroundJob<()>);
    let waits: [(&str, Wait); 2] = [("by its handle", by_handle), ("for all", for_all)];
    for (which, wait) in waits {
        for child in [false, true] {
            let run = record(|root| {
                let job = root.background("job");
                let job = if child { job.child() } else { job };
                wait(job.on_thread(|_| ms(80)));
                root.in_span("after", |_| ms(20));
            });
            let chain = chain(&run);
            assert!(chain.contains(&"job") && chain.contains(&"after"), "{which}, child: {child}: {chain:?}");
            assert_eq!(run.waits[0].releaser.map(|job| name(&run, job)), Some("job"), "{which}");
        }
    }
}

/// The thread's span is no child of the waiting span, so that nothing but the wait says so.
#[test]
fn what_joins_a_thread_follows_it() {
    let run = record(|root| {
        let service = heirloom_core::root("service");
        let thread = threads::spawn(&service, "thread", |_| ms(80));
        drop(service);
        thread.join().unwrap();
        root.in_span("after", |_| ms(20));
    });
    assert_follows(&run, "thread", "after", "join");
    let steps = account(&run).observed_path;
    assert!(steps.iter().any(|step| step.because == "join"), "{steps:?}");
}

/// The names of the observed critical path.
fn observed(run: &Run) -> Vec<String> {
    account(run).observed_path.into_iter().map(|step| step.name).collect()
}

/// Asserts that a run's critical paths go through `before`, then `after`.
fn assert_follows(run: &Run, before: &str, after: &str, what: &str) {
    let observed = observed(run);
    let observed: Vec<&str> = observed.iter().map(|name| &**name).collect();
    for path in [chain(run), observed] {
        let at = |name: &str| path.iter().position(|on_path| *on_path == name);
        assert!(at(before).is_some() && at(before) < at(after), "{what}: {path:?}");
    }
}

#[test]
fn what_awaits_a_job_follows_it_in_every_form() {
    let (pool, runtime) = pools();
    for (way, submit) in WAYS {
        for child in [false, true] {
            let start = |cx: &Context| {
                let job = cx.background("job");
                submit(if child { job.child() } else { job }, 80, &pool, &runtime)
            };
            let in_a_task = record(|root| {
                let job = start(&root.context());
                runtime.traced(root).block_on("main", |cx| async move {
                    let waits = |cx: Context| async move {
                        job.await.unwrap();
                        cx.in_span("after", |_| ms(20));
                    };
                    heirloom_pool::tokio::spawn(cx, "task", waits).await.unwrap();
                });
            });
            let in_block_on = record(|root| {
                let job = start(&root.context());
                runtime.traced(root).block_on("main", |cx| async move {
                    job.await.unwrap();
                    cx.in_span("after", |_| ms(20));
                });
            });
            let in_plain_block_on = record(|root| {
                block_on(start(&root.context()).into_future()).unwrap();
                root.in_span("after", |_| ms(20));
            });
            for (form, run) in [("task", in_a_task), ("block_on", in_block_on), ("plain", in_plain_block_on)] {
                assert_follows(&run, "job", "after", &format!("{way}, child: {child}, {form}"));
            }
        }
    }
}

#[test]
fn what_awaits_a_task_or_a_set_of_tasks_below_it_follows_them() {
    let (_, runtime) = pools();
    let slow = |_| async { tokio::time::sleep(Duration::from_millis(80)).await };
    let run = record(|root| {
        runtime.traced(root).block_on("main", |cx| async move {
            heirloom_pool::tokio::spawn(cx, "task", slow).await.unwrap();
            cx.in_span("between", |_| ms(10));
            let mut set = tokio::task::JoinSet::new();
            set.traced(cx).spawn("quick", |_| async {});
            set.traced(cx).spawn("slow", slow);
            set.join_all().await;
            cx.in_span("after", |_| ms(10));
        });
    });
    assert_follows(&run, "task", "between", "a task");
    assert_follows(&run, "slow", "after", "a set");
}

#[test]
fn an_await_blocks_no_thread() {
    let mut kit = Kit::new();
    let [worker, other] = ["worker", "other"].map(|name| kit.lane(name));
    let task = kit.polled("task", None, &[(worker, 0..50), (worker, 90..100)]);
    kit.polled("another task", None, &[(worker, 50..70)]);
    let job = kit.span(other, "job", None, 10..80);
    kit.background(job, task, 5);
    kit.wait(WaitCause::Await, worker, Some(task), 20..91).releaser = Some(job);
    let run = kit.run();
    assert_eq!(account(&run).totals.work_ns, 50 + 10 + 20 + 70);
    assert_eq!(observed(&run), ["task", "job", "task"]);
    let path = Graph::new(&run).critical_path();
    assert_eq!(path.length, 5 + 70 + 10, "submitted, ran, went on");
}

#[test]
fn a_job_of_a_job_follows_it() {
    let run = record(|root| {
        root.background("first").on_thread(|first| {
            ms(50);
            // The last one goes on for long after the others.
            let (done, others) = mpsc::channel();
            for n in 0..2 {
                let done = done.clone();
                let job = move |_: &Span| {
                    ms(20);
                    done.send(()).unwrap();
                };
                drop(first.background(format!("second {n}")).on_thread(job));
            }
            let last = move |_: &Span| {
                others.iter().take(2).for_each(drop);
                ms(200);
            };
            drop(first.background("second 2").on_thread(last));
        });
    });
    assert_eq!(jobs(&run), [("first", "run"), ("second 0", "first"), ("second 1", "first"), ("second 2", "first")]);
    let chain = chain(&run);
    assert!(chain.ends_with(&["first", "second 2"]), "{chain:?}");
}

#[test]
fn links_that_a_program_adds_make_no_job() {
    let run = record(|root| {
        ms(50);
        let cx = root.context();
        let linked = move || drop(Context::INERT.build("linked").link(cx).start());
        thread::scope(|scope| drop(scope.spawn(linked)));
        let unlinked = root.background("unlinked").unlinked().on_thread(move |span| {
            span.link(cx);
            ms(20);
        });
        let other = root.span("other").context();
        let job = root.background("job").on_thread(move |span| _ = span.link(other));
        unlinked.wait(LONG).unwrap();
        job.wait(LONG).unwrap();
    });
    assert_eq!(jobs(&run), [("job", "run")]);
    let submitted = run.stages.iter().filter(|stage| stage.kind == StageKind::Submitted);
    assert_eq!(submitted.count(), 2, "the unlinked job was submitted too");
}

#[test]
fn jobs_that_claim_to_have_submitted_each_other_are_no_circle() {
    let mut kit = Kit::new();
    let [a, b] = ["a", "b"].map(|name| kit.lane(name));
    let (first, second) = (kit.span(a, "first", None, 0..50), kit.span(b, "second", None, 10..90));
    kit.background(first, second, 0);
    kit.background(second, first, 10);
    let run = kit.run();
    let graph = Graph::new(&run);
    assert_eq!((graph.work(), graph.critical_path().length), (130, 90));
    account(&run);
}

#[test]
fn a_job_on_the_threads_of_a_pool_may_be_moved_to_others() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 2);
    let ms = 1_000_000;
    let root = kit.span(main, "run", None, 0..500 * ms);
    let job = kit.span(pool[0], "reindex", None, ms..400 * ms);
    kit.trace(job, 2);
    kit.background(job, root, 0);
    let more = kit.span(main, "more", None, 500 * ms..501 * ms);
    kit.background(more, job, ms);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, ms, Some(500 * ms));
    kit.fan_mut(fan).blocks = true;
    for n in 0..4 {
        kit.item(fan, pool[1], "page", (n * 100 + 100) * ms..(n * 100 + 200) * ms);
    }
    let analysis = analyse(&kit.run(), &Options::default());
    let moved = analysis.what_ifs.iter().any(|what_if| format!("{:?}", what_if.change).contains("SpawnBlocking"));
    assert!(moved, "{:#?}", analysis.what_ifs);
}

#[test]
fn a_pipeline_that_ends_in_a_job_is_blamed_on_its_slow_file() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let run = record(|root| {
        root.in_span("walk", |_| ms(10));
        pool.traced(root).install("scan", |scan| {
            let files = (0..24_u32).into_par_iter().with_max_len(1);
            files.traced(scan).for_each("file", |_, file| ms(if file == 20 { 400 } else { 10 }));
        });
        root.background("write index").on_thread(|_| ms(40));
    });
    assert_eq!(jobs(&run), [("write index", "run")]);
    let analysis = analyse(&run, &Options::default());
    let names: Vec<&str> = analysis.critical_path.iter().map(|step| &*step.name).collect();
    assert!(names.contains(&"file") && names.ends_with(&["write index"]), "{names:?}");
    let first = &analysis.findings[0];
    assert_eq!((first.cause, first.text.contains("`file`")), (Cause::Straggler, true), "{:#?}", analysis.findings);
    assert!(!analysis.sentences[2].contains("write index"), "{:#?}", analysis.sentences);
}
