//! Random trees of spans over random threads, compared with a reference model of what must arrive.
//!
//! The model knows of each span only what the API said when it happened: whether it was recorded, and which writes were
//! accepted. From that follows everything that is checked: exactly the recorded spans arrive, each below its nearest
//! recorded ancestor, with the values that were accepted; what was refused is counted; the ledger balances to the span.
//!
//! `HEIRLOOM_TREES` (100000), `HEIRLOOM_CONFIGURATIONS` (200) and `HEIRLOOM_SEED` choose a longer or another campaign:
//! `ci/trees.sh`.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Memory, SpanData};
use heirloom_core::{
    builder, span, testing, Context, Ledger, Name, Sampler, SetError, Settings, Span, SpanKind, Tracer, Value,
};
use heirloom_harness::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use support::{number, LONG};

/// A job for a thread of the pool, which lives through all configurations.
type Job = Box<dyn FnOnce() + Send>;

/// The number of a span in its batch: it is also its name.
type Number = u64;

/// What happened to a span, as the API said it.
enum Fact {
    /// It was begun and recorded, below this one.
    Begun(Number, Option<Number>),
    /// An attribute was accepted. One key is only written by one thread.
    Set(Number, &'static str, Value<'static>),
    /// An attribute was refused for lack of room.
    Lost(Number),
    /// An event was added; nobody said whether it was accepted.
    Event(Number),
}

/// What happened to the trace of a span.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Recorded,
    SampledOut,
    RootLost,
}

/// What a child is begun from.
#[derive(Clone, Copy)]
struct Parent {
    cx: Context,
    nearest: Option<Number>,
    fate: Fate,
}

/// Spans that were begun and not recorded.
#[derive(Default, Debug)]
struct Refused {
    transparent: AtomicU64,
    root_lost: AtomicU64,
    sampled_out: AtomicU64,
}

#[derive(Default)]
struct Shared {
    refused: Refused,
    begun: AtomicU64,
    next: AtomicU64,
}

/// One tree's means; cloned into every job.
#[derive(Clone)]
struct World {
    facts: Sender<Fact>,
    pool: Sender<Job>,
    shared: Arc<Shared>,
    tracer: Tracer,
    long_values: bool,
}

/// Names that are static; numbers beyond them are dynamic names.
fn static_name(number: Number) -> Option<&'static str> {
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    NAMES.get_or_init(|| (0..256).map(|n| n.to_string()).collect()).get(number as usize).map(String::as_str)
}

const OWN_KEYS: [&str; 4] = ["a", "b", "c", "d"];
const FOREIGN_KEYS: [&str; 4] = ["w", "x", "y", "z"];
const MAX_DEPTH: u32 = 6;

fn value(rng: &mut Rng, long: bool) -> Value<'static> {
    match rng.below(if long { 9 } else { 7 }) {
        0 => Value::I64(rng.next() as i64),
        1 => Value::F64(rng.below(1000) as f64 / 8.0),
        2 => Value::Bool(rng.one_in(2)),
        3 => Value::from("ünï".repeat(rng.below(3) as usize)),
        4 => Value::from("x".repeat(rng.below(120) as usize)),
        5 => Value::I64s((0..rng.below(6)).map(|n| n as i64).collect()),
        6 => Value::Strs((0..rng.below(4)).map(|n| "s".repeat(n as usize).into()).collect()),
        7 => Value::from("é".repeat(rng.below(2000) as usize)),
        _ => Value::F64s((0..rng.below(900)).map(|n| n as f64).collect()),
    }
}

impl World {
    /// Begins a span in one of the ways that there are, and tells what came of it.
    fn begin(&self, rng: &mut Rng, parent: Option<(&Parent, Option<&Span>)>) -> (Span, Number, Parent) {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let text = number.to_string();
        let name: Name<'_> = static_name(number).map_or(Name::dynamic(&text), Name::from);
        let span = match parent {
            None => self.tracer.root(name),
            Some((_, Some(parent))) if rng.one_in(2) => parent.span(name),
            Some((parent, _)) => match rng.below(3) {
                0 => parent.cx.span(name),
                1 => parent.cx.build(name).kind(SpanKind::Server).start(),
                _ => {
                    let _scope = parent.cx.enter();
                    span(name)
                }
            },
        };
        let own = self.fate(&span, number, parent.map(|(parent, _)| parent));
        (span, number, own)
    }

    /// What the span says of itself, checked against what its parent says.
    fn fate(&self, span: &Span, number: Number, parent: Option<&Parent>) -> Parent {
        let nearest = parent.and_then(|p| p.nearest);
        let fate = parent.map(|p| p.fate);
        self.shared.begun.fetch_add(1, Ordering::Relaxed);
        if span.is_recording() {
            assert!(matches!(fate, None | Some(Fate::Recorded)), "recorded although its trace is {fate:?}");
            self.facts.send(Fact::Begun(number, nearest)).unwrap();
            let cx = span.context();
            assert!(cx.is_sampled() && cx.is_valid() && !cx.is_transparent());
            return Parent { cx, nearest: Some(number), fate: Fate::Recorded };
        }
        let cx = span.context();
        let refused = &self.shared.refused;
        let (fate, count) = match fate {
            None if cx.is_transparent() => (Fate::RootLost, &refused.transparent),
            None => (Fate::SampledOut, &refused.sampled_out),
            Some(Fate::Recorded) => (Fate::Recorded, &refused.transparent),
            Some(Fate::RootLost) => (Fate::RootLost, &refused.root_lost),
            Some(Fate::SampledOut) => (Fate::SampledOut, &refused.sampled_out),
        };
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(cx.is_sampled(), fate == Fate::Recorded);
        if let Some(parent) = parent.filter(|_| fate == Fate::Recorded) {
            assert!(cx.is_transparent());
            assert_eq!((cx.trace_id(), cx.span_id()), (parent.cx.trace_id(), parent.cx.span_id()));
        }
        Parent { cx, nearest, fate }
    }

    /// Sets random values under these keys, adds events, and tells what was accepted.
    fn write(&self, rng: &mut Rng, span: &Span, number: Number, keys: &[&'static str]) {
        for _ in 0..rng.below(4) {
            let (key, value) = (*rng.pick(keys), value(rng, self.long_values));
            let dynamic = rng.one_in(4);
            let name = if dynamic { Name::dynamic(key) } else { key.into() };
            match span.try_set(name, value.clone()) {
                Ok(_) => self.facts.send(Fact::Set(number, key, value)).unwrap(),
                Err(SetError::NotRecording) => assert!(!span.is_recording()),
                Err(SetError::Full) => self.facts.send(Fact::Lost(number)).unwrap(),
                Err(other) => panic!("{other}"),
            }
        }
        if rng.one_in(4) {
            span.event("seen");
            if span.is_recording() {
                self.facts.send(Fact::Event(number)).unwrap();
            }
        }
    }

    /// Grows a tree, or a subtree below `parent`.
    fn grow(&self, rng: &mut Rng, parent: Option<(&Parent, Option<&Span>)>, depth: u32) {
        let (span, number, own) = self.begin(rng, parent);
        self.write(rng, &span, number, &OWN_KEYS);
        match rng.below(12) {
            // The span is moved to another thread, written to there, and ends there.
            0 => {
                let (world, mut rng) = (self.clone(), Rng(rng.next()));
                return self.elsewhere(move || {
                    world.write(&mut rng, &span, number, &FOREIGN_KEYS);
                    world.children(&mut rng, &own, Some(&span), depth);
                    span.end();
                });
            }
            // Several threads write to it; whoever comes last ends it.
            1 => {
                let span = Arc::new(span);
                for keys in FOREIGN_KEYS.chunks(2) {
                    let (world, mut rng, span) = (self.clone(), Rng(rng.next()), Arc::clone(&span));
                    self.elsewhere(move || {
                        world.write(&mut rng, &span, number, keys);
                        // The span ends before the world does: the batch is complete when the last world is gone.
                        drop(span);
                        drop(world);
                    });
                }
                return self.children(rng, &own, Some(&span), depth);
            }
            // It ends before its children begin.
            2 => {
                span.end();
                return self.children(rng, &own, None, depth);
            }
            // A trace of its own in the background, linked.
            3 if depth == 0 => {
                let (world, mut rng, cx) = (self.clone(), Rng(rng.next()), own.cx);
                self.elsewhere(move || {
                    let (span, number, own) = world.begin(&mut rng, None);
                    span.link(cx);
                    world.write(&mut rng, &span, number, &OWN_KEYS);
                    world.children(&mut rng, &own, Some(&span), MAX_DEPTH - 1);
                });
            }
            _ => {}
        }
        self.children(rng, &own, Some(&span), depth);
        self.write(rng, &span, number, &OWN_KEYS);
    }

    fn children(&self, rng: &mut Rng, parent: &Parent, span: Option<&Span>, depth: u32) {
        if depth >= MAX_DEPTH {
            return;
        }
        if depth == 0 && rng.one_in(100) {
            return std::thread::scope(|scope| {
                for _ in 0..2 {
                    let (world, mut rng) = (self.clone(), Rng(rng.next()));
                    scope.spawn(move || world.grow(&mut rng, Some((parent, span)), depth + 1));
                }
            });
        }
        for _ in 0..rng.below(if depth == 0 { 5 } else { 3 }) {
            if rng.one_in(8) {
                let (world, mut rng, parent) = (self.clone(), Rng(rng.next()), *parent);
                self.elsewhere(move || world.grow(&mut rng, Some((&parent, None)), depth + 1));
            } else {
                self.grow(rng, Some((parent, span)), depth + 1);
            }
        }
    }

    fn elsewhere(&self, job: impl FnOnce() + Send + 'static) {
        self.pool.send(Box::new(job)).unwrap();
    }
}

/// What a recorded span must look like.
#[derive(Default)]
struct Expected {
    parent: Option<Number>,
    attributes: HashMap<&'static str, Value<'static>>,
    lost: u64,
    events: u64,
}

/// Compares what arrived with what was said.
fn check(facts: impl Iterator<Item = Fact>, arrived: Vec<SpanData>) -> u64 {
    let mut model: HashMap<Number, Expected> = HashMap::new();
    let mut begun = 0;
    for fact in facts {
        match fact {
            Fact::Begun(n, parent) => {
                begun += 1;
                model.entry(n).or_default().parent = parent;
            }
            Fact::Set(n, key, value) => {
                model.entry(n).or_default().attributes.insert(key, value);
            }
            Fact::Lost(n) => model.entry(n).or_default().lost += 1,
            Fact::Event(n) => model.entry(n).or_default().events += 1,
        }
    }
    assert_eq!(arrived.len() as u64, begun, "exactly the recorded spans arrive");
    let named: HashMap<Number, &SpanData> = arrived.iter().map(|s| (s.name.parse().unwrap(), s)).collect();
    for (number, expected) in &model {
        let found = named[number];
        let parent = expected.parent.map(|n| named[&n]);
        assert_eq!(found.parent_span_id, parent.map(|p| p.span_id), "the parent of {found:?}");
        assert!(parent.is_none_or(|p| p.trace_id == found.trace_id), "the trace of {found:?}");
        assert!(found.end_ns >= found.start_ns);
        let attributes: HashMap<&str, Value<'_>> =
            found.attributes.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        assert_eq!(attributes, expected.attributes, "the attributes of {found:?}");
        let lost_events = expected.events - found.events.len() as u64;
        let lost_links = u64::from(found.dropped) - expected.lost - lost_events;
        assert!(lost_links <= 1, "what was refused on {found:?}");
    }
    begun
}

/// The settings of one configuration.
#[derive(Debug)]
struct Configuration {
    ring_bytes: usize,
    max_open: u32,
    ratio: f64,
    drain_ms: u64,
    /// A flush after every so many trees, so that small rings aren't full all the time.
    flush_every: u64,
}

impl Configuration {
    fn random(rng: &mut Rng) -> Self {
        Self {
            ring_bytes: *rng.pick(&[1024, 1024, 2048, 4096, 16 << 10, 1 << 20]),
            max_open: *rng.pick(&[1, 2, 3, 5, 8, 16_384, 16_384]),
            ratio: *rng.pick(&[1.0, 1.0, 1.0, 0.7]),
            drain_ms: *rng.pick(&[1, 5, 20]),
            flush_every: *rng.pick(&[1, 1, 2, 8, 1000]),
        }
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.max_open_spans_per_thread = self.max_open;
        settings.sampler = Sampler::TraceIdRatio(self.ratio);
        settings.drain_interval = std::time::Duration::from_millis(self.drain_ms);
        settings.queue_bytes = 1 << 30;
        settings.verify = true;
        settings
    }
}

/// Grows `trees` trees in batches with one tracer, and checks each batch.
fn run(configuration: &Configuration, rng: &mut Rng, pool: &Sender<Job>, trees: u64) -> Ledger {
    let memory = Memory::new();
    let build = builder("model").settings(configuration.settings()).exporter(memory.clone());
    let guard = testing::small_shards(build, configuration.ring_bytes).start().unwrap();
    let shared = Arc::new(Shared::default());
    let mut begun = 0;
    let mut left = trees;
    while left > 0 {
        let (sender, facts) = channel();
        shared.next.store(0, Ordering::Relaxed);
        let world = World {
            facts: sender,
            pool: pool.clone(),
            shared: Arc::clone(&shared),
            tracer: guard.tracer().clone(),
            long_values: configuration.ring_bytes >= 64 << 10,
        };
        for _ in 0..left.min(200) {
            world.grow(rng, None, 0);
            if rng.one_in(configuration.flush_every) {
                guard.tracer().flush(LONG).unwrap();
            }
        }
        left -= left.min(200);
        drop(world);
        // Ends when the last job has dropped its sender.
        let facts: Vec<Fact> = facts.iter().collect();
        guard.tracer().flush(LONG).unwrap();
        begun += check(facts.into_iter(), memory.take());
        let refused = &shared.refused;
        let ledger = guard.tracer().ledger();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let said = format!("{ledger:#?}");
        assert!(ledger.is_balanced(), "{said}");
        assert_eq!((ledger.open, ledger.undrained, ledger.late, ledger.corrupt), (0, 0, 0, 0), "{said}");
        assert_eq!((ledger.orphans, ledger.assembled), (Some(0), begun), "{said}");
        assert_eq!(ledger.begun + ledger.sampled_out, count(&shared.begun), "{said}");
        assert_eq!(ledger.sampled_out, count(&refused.sampled_out), "{said}");
        assert_eq!(ledger.transparent.root_lost, count(&refused.root_lost), "{said}");
        assert_eq!(ledger.transparent.full + ledger.transparent.open_cap, count(&refused.transparent), "{said}");
    }
    let report = guard.finish();
    assert!(report.ledger().is_balanced() && report.ledger().incomplete == 0, "{report}");
    report.ledger().clone()
}

/// How many spans met what, over all configurations.
#[derive(Debug, Default)]
struct Met {
    begun: u64,
    recorded: u64,
    full: u64,
    open_cap: u64,
    root_lost: u64,
    sampled_out: u64,
}

impl Met {
    fn add(&mut self, ledger: &Ledger) {
        self.begun += ledger.begun;
        self.recorded += ledger.assembled;
        self.full += ledger.transparent.full;
        self.open_cap += ledger.transparent.open_cap;
        self.root_lost += ledger.transparent.root_lost;
        self.sampled_out += ledger.sampled_out;
    }
}

/// Threads that take jobs for ever.
fn pool(threads: usize) -> Sender<Job> {
    let (sender, jobs) = channel::<Job>();
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads {
        let jobs = Arc::clone(&jobs);
        std::thread::spawn(move || loop {
            let job = jobs.lock().unwrap().recv();
            match job {
                Ok(job) => job(),
                Err(_) => return,
            }
        });
    }
    sender
}

#[test]
fn random_trees_arrive_as_the_model_says() {
    let trees = number("HEIRLOOM_TREES", 100_000);
    let configurations = number("HEIRLOOM_CONFIGURATIONS", 200).clamp(1, trees.max(1));
    let seed = number("HEIRLOOM_SEED", 1);
    let mut rng = Rng(seed);
    let mut met = Met::default();
    for threads in 1..=4 {
        let pool = pool(threads);
        for i in (threads as u64 - 1..configurations).step_by(4) {
            let configuration = Configuration::random(&mut rng);
            let share = trees / configurations + u64::from(i < trees % configurations);
            let said = format!("HEIRLOOM_SEED={seed}: configuration {i} with {threads} threads: {configuration:?}");
            let run = std::panic::AssertUnwindSafe(|| run(&configuration, &mut rng, &pool, share));
            match std::panic::catch_unwind(run) {
                Ok(ledger) => met.add(&ledger),
                Err(panic) => {
                    eprintln!("failed in {said}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    println!("{trees} trees in {configurations} configurations: {met:?}");
    let causes = [met.recorded, met.full, met.open_cap, met.root_lost, met.sampled_out];
    assert!(trees < 10_000 || causes.iter().all(|n| *n > trees / 100), "too tame to prove anything: {met:?}");
}
