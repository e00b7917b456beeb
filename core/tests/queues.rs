//! Random trees through queues that overflow, to several exporters of random speed.
//!
//! Behind each queue a verifying exporter collects what it gets. The test knows which spans were recorded, and below which
//! parent. From that follows what is checked for each exporter: `exported + dropped + queued = assembled`; every parent that is
//! missing is counted as torn; `dropped_children` adds up.
//!
//! `HEIRLOOM_QUEUES` (200 runs) and `HEIRLOOM_SEED` choose a longer or another campaign: `ci/queues.sh`.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, Context, ExporterLedger, Guard, Name, Overload, Report, Settings, Span, Tracer};
use heirloom_harness::watch;
use heirloom_harness::Rng;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::exporters::Door;
use support::{number, until, LONG};

/// The number of a span is its name. The spans of a child process have names of their own, and are known by their ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Key {
    Number(u64),
    Id(u64),
}

/// A span that was recorded, and its parent.
#[derive(Clone, Copy, Debug)]
struct Fact {
    key: Key,
    parent: Option<Key>,
    /// It began and ended inside its parent, on the same thread, and has no child.
    is_plain_leaf: bool,
}

/// A span as an exporter got it.
struct Got {
    key: Key,
    id: u64,
    parent: Option<u64>,
    dropped_children: u64,
    is_skeleton: bool,
    is_leaf: bool,
}

/// How fast an exporter is.
#[derive(Clone)]
enum Speed {
    Fast,
    /// Takes so many microseconds for a delivery.
    Slow(u64),
    /// Takes nothing until the door is open.
    Stuck(Door),
}

/// Collects what it gets.
struct Verifying {
    name: String,
    speed: Speed,
    request_bytes: usize,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Exporter for Verifying {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        match &self.speed {
            Speed::Fast => {}
            Speed::Slow(micros) => std::thread::sleep(Duration::from_micros(*micros)),
            Speed::Stuck(door) => door.pass(),
        }
        let spans = delivery.spans().map(|span| Got {
            key: span.name().parse().map_or(Key::Id(span.span_id().to_u64()), Key::Number),
            id: span.span_id().to_u64(),
            parent: span.parent_span_id().map(|id| id.to_u64()),
            dropped_children: span.dropped_children(),
            is_skeleton: span.is_skeleton(),
            is_leaf: span.is_leaf(),
        });
        self.got.lock().unwrap().extend(spans);
        Ok(())
    }

    fn request_bytes(&self) -> usize {
        self.request_bytes
    }

    fn name(&self) -> &str {
        &self.name
    }
}

type Job = Box<dyn FnOnce(&mut Rng) + Send>;

/// What all threads of a run share.
#[derive(Clone)]
struct World {
    tracer: Tracer,
    facts: Sender<Fact>,
    next: Arc<AtomicU64>,
    jobs: Sender<Job>,
    /// The most bytes of a text.
    text: u64,
}

impl World {
    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins a span with `begin`, lets it grow, and ends it here or on another thread.
    fn grow(&self, rng: &mut Rng, parent: Option<u64>, depth: u32, begin: &dyn Fn(Name<'_>) -> Span) {
        let number = self.number();
        let text = number.to_string();
        let span = begin(Name::dynamic(&text));
        if rng.one_in(3) {
            span.set("text", "x".repeat(rng.below(self.text) as usize).as_str());
        }
        if rng.one_in(40) {
            span.error("it failed");
        }
        let children = if depth == 0 { 0 } else { rng.below(6) };
        let is_plain_leaf = children == 0;
        let fact = Fact { key: Key::Number(number), parent: parent.map(Key::Number), is_plain_leaf };
        self.facts.send(fact).unwrap();
        for _ in 0..children {
            match rng.below(8) {
                // A background job, which may outlive its parent.
                0 => self.background(span.context(), number, depth - 1),
                1..=4 => self.leaf(rng, &span, number),
                _ => self.grow(rng, Some(number), depth - 1, &|name| span.span(name)),
            }
        }
        if children > 0 && rng.one_in(10) {
            let _ = self.jobs.send(Box::new(move |_| drop(span)));
        }
    }

    fn leaf(&self, rng: &mut Rng, parent: &Span, of: u64) {
        let number = self.number();
        let text = number.to_string();
        let leaf = parent.span(Name::dynamic(&text));
        if rng.one_in(4) {
            leaf.set("text", "x".repeat(rng.below(self.text) as usize).as_str());
        }
        drop(leaf);
        let fact = Fact { key: Key::Number(number), parent: Some(Key::Number(of)), is_plain_leaf: true };
        self.facts.send(fact).unwrap();
    }

    fn background(&self, cx: Context, parent: u64, depth: u32) {
        let world = self.clone();
        let job: Job = Box::new(move |rng| {
            world.grow(rng, Some(parent), depth, &|name| cx.span(name));
        });
        let _ = self.jobs.send(job);
    }
}

/// Records from several threads; each takes jobs of the others between its own trees. Returns what was recorded.
fn record(rng: &mut Rng, tracer: &Tracer, next: &Arc<AtomicU64>) -> Vec<Fact> {
    let (facts, recorded) = channel();
    let (jobs, todo) = channel::<Job>();
    let text = *rng.pick(&[1, 100, 3000]);
    let world = World { tracer: tracer.clone(), facts, next: Arc::clone(next), jobs, text };
    let todo = Arc::new(Mutex::new(todo));
    let (threads, trees) = (1 + rng.below(3), 1 + rng.below(100));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (world, todo, mut rng) = (world.clone(), Arc::clone(&todo), Rng(rng.next()));
            scope.spawn(move || {
                for _ in 0..trees {
                    let depth = 1 + rng.below(4) as u32;
                    let tracer = world.tracer.clone();
                    world.grow(&mut rng, None, depth, &|name| tracer.root(name));
                    if rng.one_in(2) {
                        work(&todo, &mut rng);
                    }
                    if rng.one_in(20) {
                        // The exporters catch up.
                        std::thread::sleep(Duration::from_millis(rng.below(20)));
                    }
                }
            });
        }
    });
    while work(&todo, rng) {}
    drop((world, todo));
    recorded.iter().collect()
}

/// Does one job. Returns whether there was one.
fn work(todo: &Mutex<Receiver<Job>>, rng: &mut Rng) -> bool {
    let job = todo.lock().unwrap().try_recv();
    job.map(|job| job(rng)).is_ok()
}

/// A child process's spans, below a span of this process.
#[cfg(target_os = "linux")]
mod child {
    use super::*;
    use heirloom_core::region::{Death, Region};
    use heirloom_core::testing::region::{RawChild, SharedMemory};

    pub(super) fn record(rng: &mut Rng, tracer: &Tracer, facts: &mut Vec<Fact>) {
        let memory = SharedMemory::new(Region::bytes(tracer)).unwrap();
        let region = Region::host(tracer, Box::new(memory.clone()), 7).unwrap();
        let child = RawChild::attach(&memory, 7).unwrap();
        region.started(4_000_000);
        assert!(child.name("of a child"));
        let root = tracer.root(Name::dynamic("18446744073709551615"));
        let top = Key::Number(u64::MAX);
        facts.push(Fact { key: top, parent: None, is_plain_leaf: false });
        let mut shard = child.shard(1, "worker").unwrap();
        for _ in 0..rng.below(300) {
            let Some(span) = shard.begin(1, root.context()) else { break };
            facts.push(Fact { key: Key::Id(span), parent: Some(top), is_plain_leaf: false });
            shard.text(span, "text", &"x".repeat(rng.below(500) as usize));
            shard.end(span);
        }
        drop(root);
        region.died(Death::Exited(0));
        region.wait_closed(LONG).unwrap();
    }
}

/// What the runs met: each must happen, or the test shows nothing.
#[derive(Default, Debug)]
struct Met {
    spans: u64,
    exported: u64,
    leaves: u64,
    traces: u64,
    torn: u64,
    missing_parents: u64,
    skeletons: u64,
    attributed: u64,
    unattributed: u64,
}

/// The parents that did not arrive.
fn missing_parents(got: &[Got]) -> HashSet<u64> {
    let ids: HashSet<u64> = got.iter().map(|got| got.id).collect();
    got.iter().filter_map(|got| got.parent).filter(|parent| !ids.contains(parent)).collect()
}

fn check(facts: &[Fact], got: &[Got], ledger: &ExporterLedger, met: &mut Met) {
    let said = format!("{ledger:#?}");
    let parents: HashMap<Key, Option<Key>> = facts.iter().map(|fact| (fact.key, fact.parent)).collect();
    assert_eq!(parents.len(), facts.len());
    // Every span once, and only what was recorded.
    let arrived: HashMap<Key, &Got> = got.iter().map(|got| (got.key, got)).collect();
    assert_eq!((arrived.len() as u64, got.len() as u64), (ledger.exported, ledger.exported), "{said}");
    assert!(arrived.keys().all(|key| parents.contains_key(key)), "{said}");
    assert_eq!(ledger.exported + ledger.dropped.total() + ledger.queued, facts.len() as u64, "{said}");
    assert_eq!((ledger.queued, ledger.dropped.total()), (0, ledger.dropped.queue_full()), "{said}");
    assert_eq!(got.iter().filter(|got| got.is_skeleton).count() as u64, ledger.skeletons, "{said}");
    let has_child: HashSet<Key> = facts.iter().filter_map(|fact| fact.parent).collect();
    let wrong: Vec<Key> =
        got.iter().filter(|got| got.is_leaf && has_child.contains(&got.key)).map(|got| got.key).collect();
    assert!(wrong.is_empty(), "not leaves: {wrong:?}");
    // A parent that is missing is torn.
    let missing = missing_parents(got);
    let orphans: Vec<_> = got.iter().filter(|got| got.parent.is_some_and(|parent| missing.contains(&parent))).collect();
    let orphans: Vec<_> = orphans.iter().map(|got| (got.key, parents[&got.key])).collect();
    assert!(
        missing.len() as u64 <= ledger.dropped.torn,
        "{} parents are missing, of {orphans:?}: {said}",
        missing.len()
    );
    // What is missing below each span, at most.
    let mut below: HashMap<Key, u64> = HashMap::new();
    for fact in facts.iter().filter(|fact| !arrived.contains_key(&fact.key)) {
        let mut ancestor = fact.parent;
        while let Some(key) = ancestor.filter(|key| !arrived.contains_key(key)) {
            ancestor = parents[&key];
        }
        ancestor.into_iter().for_each(|key| *below.entry(key).or_default() += 1);
    }
    for (key, got) in &arrived {
        let most = below.get(key).copied().unwrap_or(0);
        assert!(got.dropped_children <= most, "{key:?}: {} of {most}: {said}", got.dropped_children);
    }
    let sum: u64 = got.iter().map(|got| got.dropped_children).sum();
    assert_eq!(sum, ledger.attributed, "{said}");
    let outside = ledger.dropped.leaves + ledger.dropped.torn;
    assert!(ledger.attributed + ledger.unattributed <= outside, "{said}");
    // A leaf ends before its parent, so its parent says that it is missing.
    let mut unsaid: HashMap<Key, u64> = HashMap::new();
    for fact in facts.iter().filter(|fact| fact.is_plain_leaf && !arrived.contains_key(&fact.key)) {
        fact.parent
            .filter(|parent| arrived.contains_key(parent))
            .into_iter()
            .for_each(|p| *unsaid.entry(p).or_default() += 1);
    }
    let unsaid: u64 = unsaid.iter().map(|(key, leaves)| leaves.saturating_sub(arrived[key].dropped_children)).sum();
    // Of a refused trace that a small queue had to forget, a parent may arrive without its leaves.
    assert!(
        unsaid <= outside - ledger.attributed + ledger.dropped.traces,
        "{unsaid} leaves are missing unsaid: {said}"
    );
    met.exported += ledger.exported;
    met.leaves += ledger.dropped.leaves;
    met.traces += ledger.refused_traces;
    met.torn += ledger.dropped.torn;
    met.missing_parents += missing.len() as u64;
    met.skeletons += ledger.skeletons;
    met.attributed += ledger.attributed;
    met.unattributed += ledger.unattributed;
}

struct Run {
    guard: Guard,
    door: Door,
    got: Vec<Arc<Mutex<Vec<Got>>>>,
}

fn start(rng: &mut Rng) -> Run {
    let mut settings = Settings::default();
    settings.queue_bytes = *rng.pick(&[64 << 10, 64 << 10, 128 << 10, 512 << 10]);
    settings.drain_interval = Duration::from_millis(*rng.pick(&[1, 1, 3]));
    settings.export_delay = Duration::from_millis(*rng.pick(&[1, 1, 10]));
    // A thread that finds no room in its ring waits, so that every span is recorded.
    settings.overload = Some(Overload::Wait(Duration::from_secs(10)));
    let door = Door::new();
    let mut build = builder("queues").settings(settings);
    let mut all = Vec::new();
    for n in 0..1 + rng.below(3) {
        let speed = match rng.below(6) {
            0 => Speed::Fast,
            1 | 2 => Speed::Slow(rng.below(3000)),
            // It takes all at once, so that the queue is full and empty in turns.
            3 | 4 => Speed::Slow(5000 + rng.below(10_000)),
            _ => Speed::Stuck(door.clone()),
        };
        let got = Arc::default();
        let request_bytes = *rng.pick(&[1, 16 << 10, 4 << 20, 4 << 20]);
        all.push(Arc::clone(&got));
        build = build.exporter(Verifying { name: format!("exporter {n}"), speed, request_bytes, got });
    }
    Run { guard: build.start().unwrap(), door, got: all }
}

fn run(rng: &mut Rng, met: &mut Met) {
    let Run { guard, door, got } = start(rng);
    let next = Arc::default();
    let mut facts = record(rng, guard.tracer(), &next);
    #[cfg(target_os = "linux")]
    if rng.one_in(4) {
        child::record(rng, guard.tracer(), &mut facts);
    }
    if rng.one_in(2) {
        // Some of it is exported, and the queues have room again.
        door.open();
        until("everything is read", || guard.tracer().ledger().undrained == 0);
        facts.extend(record(rng, guard.tracer(), &next));
    }
    door.open();
    let report = guard.finish_within(LONG);
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.transparent.total() == 0, "{report}");
    assert_eq!(ledger.assembled, facts.len() as u64, "{report}");
    met.spans += ledger.assembled;
    for (got, ledger) in got.iter().zip(&ledger.exporters) {
        check(&facts, &got.lock().unwrap(), ledger, met);
    }
}

#[test]
fn no_orphan_behind_a_full_queue_that_is_not_counted_as_torn_and_all_counts_add_up() {
    let runs = number("HEIRLOOM_QUEUES", 200);
    let _watch = watch(LONG * (2 + runs as u32 / 100));
    let seed = number("HEIRLOOM_SEED", 20_261_128);
    let mut met = Met::default();
    for n in 0..runs {
        let seed = seed.wrapping_add(n);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut Rng(seed), &mut met)));
        assert!(result.is_ok(), "HEIRLOOM_SEED={seed} HEIRLOOM_QUEUES=1");
    }
    println!("{runs} runs from seed {seed}: {met:?}");
    let Met { leaves, traces, torn, skeletons, attributed, exported, .. } = met;
    let least = [leaves, traces, torn, skeletons, attributed, exported].into_iter().min();
    assert!(runs < 100 || least > Some(0), "something was never met: {met:?}");
}

/// Records through a queue of this size whose exporter takes nothing until everything is recorded, and finishes. Returns the number
/// of parents that are missing, and the report.
fn flood(queue_bytes: usize, record: impl Fn(&Tracer)) -> (u64, Report) {
    let mut settings = Settings::default();
    settings.queue_bytes = queue_bytes;
    settings.verify = true;
    let got = Arc::default();
    let door = Door::new();
    let (speed, request_bytes) = (Speed::Stuck(door.clone()), 64 << 10);
    let exporter = Verifying { name: "slow".to_owned(), speed, request_bytes, got: Arc::clone(&got) };
    let guard = builder("flood").settings(settings).exporter(exporter).start().unwrap();
    record(guard.tracer());
    until("everything is read", || guard.tracer().ledger().undrained == 0);
    door.open();
    let report = guard.finish_within(LONG);
    assert!(report.ledger().is_balanced(), "{report}");
    assert!(report.ledger().exporters[0].dropped.queue_full() > 0, "its queue was never full: {report}");
    let missing = missing_parents(&got.lock().unwrap()).len() as u64;
    println!("{missing} parents are missing\n{report}");
    let [slow, verify] = &report.ledger().exporters[..] else { panic!("{report}") };
    assert!(missing <= slow.dropped.torn, "{missing} parents are missing: {report}");
    assert!(report.ledger().orphans == Some(0) || verify.dropped.torn > 0, "{report}");
    (missing, report)
}

#[test]
fn dynamic_names_flat_out_leave_no_orphan() {
    let _watch = watch(4 * LONG);
    let spans = number("HEIRLOOM_FLAT_OUT", 100_000);
    let (missing, report) = flood(1 << 20, |tracer| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for n in 0..spans / 20 {
                        let request = tracer.root(Name::dynamic(&format!("request {n}")));
                        for m in 0..9 {
                            drop(request.span(Name::dynamic(&format!("step {m} of {n}"))));
                        }
                    }
                });
            }
        });
    });
    assert_eq!(missing, 0, "{report}");
}

#[test]
fn threads_that_end_thousands_of_spans_each_leave_no_orphan_that_is_not_counted_as_torn() {
    let _watch = watch(4 * LONG);
    let (threads, spans) = (number("HEIRLOOM_THREADS", 100), number("HEIRLOOM_SPANS", 500));
    flood(2 << 20, |tracer| {
        let root = tracer.root("root");
        let cx = root.context();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut open = vec![cx.span("first")];
                    for n in 1..spans {
                        let next = open[n as usize - 1].span(Name::dynamic(&n.to_string()));
                        open.push(next);
                    }
                    while open.pop().is_some() {}
                });
            }
        });
    });
}
