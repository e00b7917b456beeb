//! Programs that record through the public API, with two threads each, started as attached children and killed.

use super::seen::{Seen, Span};
use super::{real_kills, Outcome, CLOSED_WITHIN};
use heirloom_core::{builder, Context, Guard, Settings};
use heirloom_harness::Rng;
use heirloom_ipc::shm::{attach_to_parent, Attached, Attaching};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ORACLE: &str = "HEIRLOOM_TEST_ORACLE";
const THREADS: u64 = 2;
const AT_ONCE: usize = 4;

/// The test that a child runs: records until it is killed, and writes down after each end how many there were.
#[test]
fn worker() {
    let Ok(path) = std::env::var(ORACLE) else { return };
    attach_to_parent();
    let _guard = heirloom_core::init("worker").unwrap();
    let cx = Context::from_env().unwrap();
    let oracle = File::options().write(true).open(path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let oracle = &oracle;
            scope.spawn(move || {
                // Open for as long as the thread lives.
                let thread_span = cx.span("thread");
                let cx = thread_span.context();
                let mut n = 0;
                loop {
                    // What a full ring refuses is counted elsewhere: it has not ended.
                    let recorded = cx.in_span("job", |job| {
                        let set = job.try_set("number", number(thread, n)).is_ok();
                        job.in_span("inner", |_| ());
                        job.is_recording() && set
                    });
                    if recorded {
                        n += 1;
                        oracle.write_all_at(&n.to_ne_bytes(), thread * 8).unwrap();
                    }
                    // Leaves the processor to the collector, and to the other workers.
                    if !recorded || n % 64 == 0 {
                        std::thread::sleep(Duration::from_micros(500));
                    }
                }
            });
        }
    });
}

fn number(thread: u64, n: u64) -> i64 {
    (thread << 40 | n) as i64
}

struct Worker {
    child: Child,
    attached: Attached,
    oracle: File,
    path: PathBuf,
}

impl Worker {
    fn start(cx: Context, index: usize) -> Self {
        let path = std::env::temp_dir().join(format!("heirloom-kills-{}-{index}", std::process::id()));
        std::fs::write(&path, [0; 8 * THREADS as usize]).unwrap();
        let oracle = File::open(&path).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["attached::worker", "--exact", "--nocapture"]).env(ORACLE, &path).stdout(Stdio::null());
        heirloom_ipc::Environment::of(cx).apply_to(&mut command);
        let attaching = Attaching::prepare(&mut command, cx).unwrap();
        let child = command.spawn().unwrap();
        let attached = attaching.started(child.id());
        Self { child, attached, oracle, path }
    }

    fn ended(&self, thread: u64) -> u64 {
        let mut bytes = [0; 8];
        self.oracle.read_exact_at(&mut bytes, thread * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }

    /// Lets it begin to record, in most cases, and kills it.
    fn kill(&mut self, random: &mut Rng, outcome: &mut Outcome) {
        let start = Instant::now();
        while random.below(8) != 0 && self.ended(0) == 0 && start.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let dead = Instant::now();
        // The watcher sees the death, as it would if no thread waited for the child.
        let report = self.attached.wait_closed(Duration::from_secs(60)).expect("a region that is never closed");
        outcome.slowest = outcome.slowest.max(dead.elapsed());
        outcome.kills += 1;
        outcome.torn += report.quarantined;
        outcome.unpublished += report.unpublished;
        std::fs::remove_file(&self.path).unwrap();
    }

    fn check(&self, spans: &[Span], outcome: &mut Outcome) {
        let mut ids = HashMap::new();
        for span in spans {
            outcome.twice += u64::from(ids.insert(span.id, span).is_some());
            outcome.aborted += u64::from(span.aborted);
            let known = matches!(span.name.as_str(), "thread" | "job" | "inner");
            outcome.torn += u64::from(span.name == "thread" && !span.aborted);
            outcome.torn +=
                u64::from(!known || (span.name == "job" && !span.aborted && !span.lost && span.number.is_none()));
        }
        let ended: HashMap<i64, &Span> =
            spans.iter().filter(|s| !s.aborted).filter_map(|s| Some((s.number?, s))).collect();
        for thread in 0..THREADS {
            let count = self.ended(thread);
            outcome.ended += count;
            outcome.lost += (0..count).filter(|n| !ended.contains_key(&number(thread, *n))).count() as u64;
        }
    }
}

fn campaign(guard: &Guard, seen: &Seen, kills: usize) -> Outcome {
    let root = guard.tracer().root("kills");
    let mut random = Rng(7 + u64::from(std::process::id()));
    let mut outcome = Outcome::default();
    while outcome.kills < kills {
        let mut workers: Vec<Worker> = (0..AT_ONCE).map(|n| Worker::start(root.context(), n)).collect();
        workers.iter_mut().for_each(|worker| worker.kill(&mut random, &mut outcome));
        guard.tracer().flush(Duration::from_secs(10)).unwrap();
        workers.iter().for_each(|worker| worker.check(&seen.take(worker.child.id()), &mut outcome));
    }
    outcome
}

#[test]
fn nothing_that_a_real_worker_had_ended_is_lost_when_it_is_killed() {
    if std::env::var(ORACLE).is_ok() {
        return;
    }
    let seen = Seen::default();
    let guard =
        builder("kills").settings(Settings::default()).exporter(seen.clone()).queue_bytes(1 << 30).start().unwrap();
    let outcome = campaign(&guard, &seen, real_kills());
    outcome.print("real workers");
    let report = guard.finish();
    assert!(report.ledger().is_balanced(), "{report}");
    assert!(outcome.is_clean(), "{outcome:?}");
    assert!(outcome.slowest < CLOSED_WITHIN, "{outcome:?}");
    assert!(outcome.aborted as usize > outcome.kills, "hardly anything was open: {outcome:?}");
    assert!(outcome.ended > outcome.kills as u64, "the workers hardly did anything: {outcome:?}");
}
