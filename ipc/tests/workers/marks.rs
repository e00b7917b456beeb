//! What a pool records beside the spans of its jobs: their fan-out, their times in queues, and what waited for them.

#[cfg(target_os = "linux")]
use super::support::wait_until;
use super::support::{pool, Task, LONG};
use heirloom_core::export::MarkData;
use heirloom_core::mark::{FanKind, MarkKind, StageKind, WaitCause};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, SpanId};
#[cfg(target_os = "linux")]
use heirloom_core::{Builder, Settings};

fn marks(t: &Testing, kind: MarkKind) -> Vec<MarkData> {
    t.marks().into_iter().filter(|mark| mark.kind == kind).collect()
}

fn waits(t: &Testing, cause: WaitCause) -> Vec<MarkData> {
    marks(t, MarkKind::Wait).into_iter().filter(|mark| mark.a == cause as u64).collect()
}

/// The time at which the job of this span came to this stage, and the pool's number.
fn stage(t: &Testing, span: SpanId, stage: StageKind) -> (u64, u64) {
    let of_span = |mark: &MarkData| mark.span == Some(span) && mark.a == stage as u64;
    let found: Vec<MarkData> = marks(t, MarkKind::Stage).into_iter().filter(of_span).collect();
    let [mark] = &found[..] else { panic!("{stage:?}: {found:#?}") };
    (mark.time_ns, mark.b)
}

#[test]
fn the_jobs_of_a_map_belong_to_one_fan_out_in_every_process() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(2).start().unwrap();
            assert_eq!(pool.map(root, (0..20).map(|_| Task::Sleep(1))).filter(Result::is_ok).count(), 20);
            assert_eq!(pool.map(root, (0..4).map(|_| Task::Sleep(0))).filter(Result::is_ok).count(), 4);
            pool.submit(root, Task::Pid).unwrap().wait(LONG).unwrap();
            drop(pool.map(root, [Task::Pid])); // never consumed
        });
        let (main, fans, joins) = (t.span("main"), marks(t, MarkKind::Fan), marks(t, MarkKind::Join));
        let [first, second] = &fans[..] else { panic!("{fans:#?}") };
        assert!(fans.iter().all(|fan| fan.span == Some(main.span_id) && fan.b == FanKind::Workers as u64 + 256));
        assert_eq!(joins.iter().map(|join| join.a).collect::<Vec<_>>(), [first.a, second.a]);
        assert!(first.time_ns <= joins[0].time_ns && joins[0].time_ns <= second.time_ns);
        let jobs = |fan| t.spans().into_iter().filter(|span| span.name == "task" && span.fan_out == fan).count();
        assert_eq!((jobs(Some(first.a)), jobs(Some(second.a)), jobs(None)), (20, 4, 1));
        t.assert_complete();
    });
}

#[test]
fn a_job_that_waits_for_a_worker_shows_its_time_in_each_queue() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let jobs = [200, 0].map(|ms| pool.submit(root, Task::Sleep(ms)).unwrap());
            jobs.into_iter().for_each(|job| drop(job.wait(LONG).unwrap()));
        });
        let mut jobs: Vec<_> = t.spans().into_iter().filter(|span| span.name == "task").collect();
        jobs.sort_by_key(|job| job.start_ns);
        let [first, second] = &jobs[..] else { panic!("{jobs:#?}") };
        for job in [first, second] {
            let of = |kind| stage(t, job.span_id, kind);
            let (submitted, pool) = of(StageKind::Submitted);
            let [sent, replied, taken] = [StageKind::Sent, StageKind::Replied, StageKind::Taken].map(|kind| of(kind).0);
            let times = [submitted, sent, job.start_ns, job.end_ns, replied, taken];
            assert!(times.is_sorted(), "{times:?}");
            assert_ne!(pool, 0);
            assert_eq!(pool, stage(t, first.span_id, StageKind::Submitted).1);
        }
        let queued_ns = second.start_ns - stage(t, second.span_id, StageKind::Submitted).0;
        assert!(queued_ns > 20_000_000, "it was submitted while the first one slept: {queued_ns}");
        assert!(waits(t, WaitCause::Job).iter().any(|wait| wait.length_ns > 20_000_000));
    });
}

#[test]
fn a_job_that_panics_or_whose_handle_is_dropped_has_its_times_too() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            drop(pool.submit(root, Task::Panic(String::from("on purpose"))).unwrap().wait(LONG).unwrap_err());
            drop(pool.submit(root, Task::Sleep(0)).unwrap());
            pool.shutdown(LONG);
        });
        let jobs: Vec<_> = t.spans().into_iter().filter(|span| span.name == "task").collect();
        assert_eq!(jobs.len(), 2);
        for job in jobs {
            stage(t, job.span_id, StageKind::Replied);
        }
        assert_eq!(marks(t, MarkKind::Stage).iter().filter(|mark| mark.a == StageKind::Taken as u64).count(), 1);
    });
}

#[test]
fn what_blocks_the_caller_of_a_pool_is_recorded_with_its_cause() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).queue(1).in_flight(1).start().unwrap();
            let jobs: Vec<_> = (0..4).map(|_| pool.submit(root, Task::Sleep(100)).unwrap()).collect();
            jobs.into_iter().for_each(|job| drop(job.wait(LONG).unwrap()));
            assert_eq!(pool.map(root, [Task::Sleep(100)]).count(), 1);
        });
        let main = t.span("main");
        let here = |cause| waits(t, cause).into_iter().filter(|wait| wait.lane == main.lane).collect::<Vec<_>>();
        let full = here(WaitCause::Full);
        assert!(full.iter().any(|wait| wait.length_ns > 5_000_000), "{full:#?}");
        assert!(full.iter().all(|wait| wait.span == Some(main.span_id)));
        assert!(here(WaitCause::Workers).iter().any(|wait| wait.length_ns > 5_000_000), "the map");
        assert!(!here(WaitCause::Job).is_empty());
    });
}

#[test]
fn a_wait_names_the_job_that_ended_it_and_so_does_an_await() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let submit = || pool.submit(root, Task::Sleep(100)).unwrap();
            submit().wait(LONG).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                submit().await.unwrap();
                let mut job = submit();
                assert!(!poll_once(job.wait_async()).await);
                job.wait_async().await.unwrap();
                drop(job.wait_async().await.unwrap_err());
            });
        });
        let mut jobs: Vec<_> = t.spans().into_iter().filter(|span| span.name == "task").collect();
        jobs.sort_by_key(|job| job.start_ns);
        let jobs: Vec<u64> = jobs.iter().map(|job| job.span_id.to_u64()).collect();
        let main = t.span("main").span_id;
        let named = |cause| {
            let waits =
                waits(t, cause).into_iter().filter(|wait| wait.span == Some(main) && wait.length_ns > 1_000_000);
            waits.map(|wait| wait.d).collect::<Vec<_>>()
        };
        assert_eq!((named(WaitCause::Job), named(WaitCause::Await)), (jobs[..1].to_vec(), jobs[1..].to_vec()));
    });
}

#[test]
fn a_task_that_waits_for_room_records_an_await_of_no_job() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).queue(1).in_flight(1).start().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let jobs = runtime.block_on(async {
                let mut jobs = Vec::new();
                for _ in 0..4 {
                    jobs.push(pool.submit_async(root, Task::Sleep(20)).await.unwrap());
                }
                jobs
            });
            jobs.into_iter().for_each(|job| drop(job.wait(LONG).unwrap()));
        });
        let main = t.span("main");
        let awaited = waits(t, WaitCause::Await);
        assert!(awaited.iter().any(|wait| wait.length_ns > 5_000_000), "{awaited:#?}");
        assert!(awaited.iter().all(|wait| (wait.span, wait.d) == (Some(main.span_id), 0)), "{awaited:#?}");
        assert!(waits(t, WaitCause::Full).is_empty(), "no thread was blocked");
    });
}

/// Polls a future once, then drops it. Whether it was ready.
async fn poll_once(future: impl std::future::Future) -> bool {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|task| std::task::Poll::Ready(future.as_mut().poll(task).is_ready())).await
}

#[test]
fn a_worker_says_its_place_and_since_when_it_waits_for_jobs() {
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(2).start().unwrap();
            let dir = tempdir();
            let jobs = (0..2).map(|_| Task::Meet(dir.clone(), 2));
            assert_eq!(pool.map(root, jobs).filter(Result::is_ok).count(), 2);
            drop(std::fs::remove_dir_all(dir));
        });
        let submitted = marks(t, MarkKind::Stage)[0].b;
        let places: Vec<MarkData> = marks(t, MarkKind::Pool).into_iter().filter(|mark| &*mark.text == "task").collect();
        let mut indexes: Vec<u64> = places.iter().map(|place| place.a).collect();
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 1]);
        for place in &places {
            assert_eq!((place.b, place.c), (submitted, 2));
            assert_ne!(place.lane.process_id, std::process::id());
            let idle = waits(t, WaitCause::Empty).into_iter().find(|wait| wait.lane == place.lane).unwrap();
            let job = t.spans().into_iter().find(|span| span.name == "task" && span.lane == place.lane).unwrap();
            assert!(idle.time_ns + idle.length_ns <= job.start_ns);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_cpu_time_of_a_workers_lane_and_process_is_sampled() {
    let sampled = |builder: Builder| {
        let mut settings = Settings::default();
        settings.sample = true;
        builder.settings(settings)
    };
    testing::run_with(sampled, |t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let worker: u32 = pool.submit(root, Task::Pid).unwrap().wait(LONG).unwrap().parse().unwrap();
            let used = |kind| {
                let of_worker = |mark: &MarkData| mark.lane.process_id == worker && mark.a > 0;
                marks(t, kind).into_iter().filter(of_worker).collect::<Vec<_>>()
            };
            // A sample needs an earlier one, and is taken behind spans. The kernel counts a process's time in steps of 10 ms.
            wait_until("samples of the worker", || {
                pool.submit(root, Task::Compute(30)).unwrap().wait(LONG).unwrap();
                !used(MarkKind::Cpu).is_empty() && !used(MarkKind::Load).is_empty()
            });
            let job = t.spans().into_iter().find(|span| span.name == "task").unwrap();
            assert!(used(MarkKind::Cpu).iter().any(|mark| mark.lane == job.lane), "the thread that ran the jobs");
        });
    });
}

#[test]
fn a_slow_start_of_worker_processes_is_in_the_trace() {
    testing::run(|t| {
        in_root("main", |_| drop(pool(2).start().unwrap()));
        let (main, starts) = (t.span("main"), waits(t, WaitCause::Workers));
        let end = |wait: &MarkData| wait.time_ns + wait.length_ns;
        let (of_caller, of_keepers): (Vec<_>, Vec<_>) = starts.iter().partition(|wait| wait.lane == main.lane);
        assert_eq!(of_keepers.len(), 2, "{starts:#?}");
        for keeper in of_keepers {
            assert_eq!((&*keeper.lane.thread_name, keeper.span), ("heirloom-keep", Some(main.span_id)));
            // No process starts in less, on any machine.
            assert!(keeper.length_ns > 200_000, "{starts:#?}");
            assert!(
                of_caller.iter().any(|caller| end(caller) >= end(keeper)),
                "the caller didn't wait for it: {starts:#?}"
            );
        }
    });
}

fn tempdir() -> String {
    let dir = std::env::temp_dir().join(format!("heirloom-marks-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir.to_str().unwrap().to_owned()
}
