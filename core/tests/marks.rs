//! Marks: what is recorded besides spans arrives as it was, costs no span anything, and is bounded.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{MarkData, Memory, SpanData};
use heirloom_core::mark::{self, FanKind, FanOut, Lock, LockKind, MarkKind, StageKind, Strand, WaitCause};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{builder, in_root, root, Context, Sampler, Settings, Span, SpanId};
use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// The marks of this kind, once everything is collected.
fn marks(t: &Testing, kind: MarkKind) -> Vec<MarkData> {
    t.marks().into_iter().filter(|mark| mark.kind == kind).collect()
}

fn id(span: &Span) -> Option<SpanId> {
    Some(span.context().span_id())
}

#[test]
fn a_fan_out_and_its_join_are_recorded_with_their_times_and_its_spans_have_its_id() {
    testing::run_with_clock(|t, clock| {
        let second = Duration::from_secs(1);
        let (fan, parent) = in_root("parent", |parent| {
            clock.advance(second);
            let fan = FanOut::begin(parent.context(), FanKind::Iterator, true);
            fan.in_span("leaf", |_| clock.advance(second));
            fan.span("around").in_span("inside", |_| ());
            fan.span(String::from("dynamic name")).set("n", 1);
            parent.span("plain").end();
            fan.join();
            (fan, id(parent))
        });
        let start_ns = t.span("parent").start_ns;
        let [begin] = &marks(t, MarkKind::Fan)[..] else { panic!() };
        assert_eq!((begin.span, begin.time_ns - start_ns, begin.length_ns), (parent, 1_000_000_000, 0));
        assert_eq!((begin.a, begin.b, begin.c, begin.d), (fan.id(), FanKind::Iterator as u64 + 256, 0, 0));
        assert_eq!(begin.lane, t.span("parent").lane);
        let [join] = &marks(t, MarkKind::Join)[..] else { panic!() };
        assert_eq!((join.span, join.time_ns - start_ns, join.a), (parent, 2_000_000_000, fan.id()));
        for (name, is_in) in
            [("leaf", true), ("around", true), ("dynamic name", true), ("inside", false), ("plain", false)]
        {
            assert_eq!(t.span(name).fan_out, is_in.then_some(fan.id()), "{name}");
        }
        t.assert_tree("parent\n  leaf\n  around\n    inside\n  dynamic name\n  plain");
        t.assert_complete();
    });
}

/// What a thread of the random model does, and what the spans must have.
struct Walk<'a> {
    seed: u64,
    wanted: &'a mut HashMap<SpanId, Option<u64>>,
    /// The strands of this thread: the parent of their spans, and their fan-out.
    strands: Vec<(SpanId, u64)>,
    fans: Vec<FanOut>,
    nested: &'a mut HashMap<u64, u64>,
}

impl Walk<'_> {
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % below
    }

    /// The oracle: the innermost strand of this parent.
    fn strand_of(&self, parent: SpanId) -> Option<u64> {
        self.strands.iter().rev().find(|(span, _)| *span == parent).map(|(_, fan)| *fan)
    }

    fn under(&mut self, parent: Context, depth: u32) {
        for _ in 0..self.random(6) {
            match self.random(5) {
                0 => {
                    let fan = FanOut::begin(parent, FanKind::Join, false);
                    self.nested.extend(self.strand_of(parent.span_id()).map(|outer| (fan.id(), outer)));
                    self.fans.push(fan);
                }
                1 => self.span(parent, None, depth),
                2 => {
                    let fan = self.fan();
                    self.span(fan.map_or(parent, FanOut::context), fan, depth);
                }
                _ => self.strand(parent, depth),
            }
        }
    }

    fn fan(&mut self) -> Option<FanOut> {
        let n = self.fans.len() as u64;
        (n > 0).then(|| self.random(n)).map(|at| self.fans[at as usize])
    }

    fn strand(&mut self, parent: Context, depth: u32) {
        let Some(fan) = self.fan().filter(|_| depth < 6) else { return };
        let stolen = self.random(2) == 0;
        let guard: Strand = fan.strand(stolen);
        self.strands.push((fan.context().span_id(), fan.id()));
        let below = if self.random(3) == 0 { parent } else { fan.context() };
        self.under(below, depth + 1);
        self.strands.pop();
        drop(guard);
    }

    fn span(&mut self, parent: Context, fan: Option<FanOut>, depth: u32) {
        let wanted = fan.map(FanOut::id).or(self.strand_of(parent.span_id()));
        let span = match fan {
            Some(fan) => fan.span("span"),
            None => parent.span("span"),
        };
        self.wanted.insert(span.context().span_id(), wanted);
        match self.random(4) {
            0 => _ = span.set("n", 1),
            1 => _ = span.event("event"),
            2 if depth < 6 => self.under(span.context(), depth + 1),
            _ => {}
        }
    }
}

#[test]
fn strands_give_spans_the_fan_out_that_a_simple_model_gives_them() {
    for seed in 0..if cfg!(miri) { 3 } else { 150 } {
        testing::run(|t| {
            let (mut wanted, mut nested) = (HashMap::new(), HashMap::new());
            let root = t.tracer().root("root");
            thread::scope(|threads| {
                let cx = root.context();
                let walks = (0..3).map(|n| {
                    threads.spawn(move || {
                        let (mut wanted, mut nested) = (HashMap::new(), HashMap::new());
                        let mut walk = Walk {
                            seed: seed * 3 + n,
                            wanted: &mut wanted,
                            strands: Vec::new(),
                            fans: Vec::new(),
                            nested: &mut nested,
                        };
                        (0..8).for_each(|_| walk.under(cx, 0));
                        (wanted, nested)
                    })
                });
                for walk in walks.collect::<Vec<_>>() {
                    let (spans, fans) = walk.join().unwrap();
                    wanted.extend(spans);
                    nested.extend(fans);
                }
            });
            drop(root);
            let spans: Vec<SpanData> = t.spans();
            assert_eq!(spans.len(), wanted.len() + 1);
            for span in spans.iter().filter(|span| span.name == "span") {
                assert_eq!(span.fan_out, wanted[&span.span_id], "seed {seed}");
            }
            for fan in marks(t, MarkKind::Fan) {
                assert_eq!(
                    fan.c,
                    nested.get(&fan.a).copied().unwrap_or(0),
                    "seed {seed}: the fan-out around a fan-out"
                );
            }
            t.assert_complete();
        });
    }
}

#[test]
fn a_piece_that_was_stolen_says_when_it_ran_and_one_that_was_not_says_nothing() {
    testing::run_with_clock(|t, clock| {
        let fan = in_root("parent", |parent| {
            let fan = FanOut::begin(parent.context(), FanKind::Join, false);
            for stolen in [false, true] {
                let strand = fan.strand(stolen);
                clock.advance(Duration::from_millis(5));
                drop(strand);
            }
            fan
        });
        let [strand] = &marks(t, MarkKind::Strand)[..] else { panic!() };
        let offset_ns = strand.time_ns - t.span("parent").start_ns;
        assert_eq!((strand.a, offset_ns, strand.length_ns), (fan.id(), 5_000_000, 5_000_000));
        assert_eq!(strand.span, Some(fan.context().span_id()));
    });
}

#[test]
fn a_wait_above_a_microsecond_is_recorded_and_a_shorter_one_is_not() {
    testing::run_with_clock(|t, clock| {
        let span = in_root("waits", |span| {
            assert_eq!(mark::wait(WaitCause::Scope, || 1), 1);
            mark::wait(WaitCause::Job, || clock.advance(Duration::from_nanos(1000)));
            mark::wait(WaitCause::Full, || clock.advance(Duration::from_nanos(1001)));
            let panicked = std::panic::catch_unwind(|| {
                mark::wait(WaitCause::Thread, || {
                    clock.advance(Duration::from_millis(1));
                    std::panic::resume_unwind(Box::new(()));
                })
            });
            assert!(panicked.is_err());
            id(span)
        });
        let waits = marks(t, MarkKind::Wait);
        let seen: Vec<_> = waits.iter().map(|wait| (wait.a, wait.length_ns, wait.span)).collect();
        assert_eq!(seen, [(WaitCause::Full as u64, 1001, span), (WaitCause::Thread as u64, 1_000_000, span)]);
        assert_eq!(waits[0].time_ns - t.span("waits").start_ns, 1000);
    });
}

#[test]
fn a_wait_outside_of_any_span_is_of_its_thread_alone() {
    testing::run_with_clock(|t, clock| {
        let root = t.tracer().root("elsewhere");
        {
            let _scope = t.tracer().bind(Context::INERT).enter();
            mark::wait(WaitCause::Empty, || clock.advance(Duration::from_millis(1)));
        }
        drop(root);
        let [wait] = &marks(t, MarkKind::Wait)[..] else { panic!() };
        assert_eq!((wait.span, wait.length_ns), (None, 1_000_000));
        assert_eq!(wait.lane, t.span("elsewhere").lane);
    });
}

#[test]
fn locks_are_named_once_and_their_marks_have_what_was_given() {
    static CACHE: Lock = Lock::named(LockKind::Mutex, "cache");
    testing::run_with_clock(|t, clock| {
        let here = Lock::new(LockKind::RwLock);
        let line = line!() - 1;
        in_root("locks", |span| {
            let from = mark::stamp();
            clock.advance(Duration::from_micros(50));
            mark::waited(WaitCause::Mutex, from, Some(&CACHE), mark::current_span(), Some(SpanId::from_u64(77)));
            mark::held(&CACHE, from, true);
            mark::held(&here, from, false);
            let ticks = from.ticks_until(mark::stamp());
            mark::lock_totals(&here, 3, ticks, 100, 4);
            assert_eq!(mark::current_span(), id(span));
        });
        let span = Some(t.span("locks").span_id);
        let names = marks(t, MarkKind::LockName);
        let texts: Vec<_> =
            names.iter().map(|name| (name.a, name.text.rsplit('/').next().unwrap().to_owned())).collect();
        let place = format!("marks.rs:{line}");
        assert_eq!(texts, [(LockKind::Mutex as u64, "cache".to_owned()), (LockKind::RwLock as u64, place)]);
        let (cache, here) = (names[0].b, names[1].b);
        assert!(cache != here && cache != 0 && here != 0);
        let [wait] = &marks(t, MarkKind::Wait)[..] else { panic!() };
        assert_eq!((wait.a, wait.b, wait.length_ns, wait.span), (WaitCause::Mutex as u64, cache, 50_000, span));
        assert_eq!((Some(SpanId::from_u64(wait.c)), wait.d), (span, 77));
        let holds: Vec<_> = marks(t, MarkKind::Hold).iter().map(|hold| (hold.a, hold.b, hold.length_ns)).collect();
        assert_eq!(holds, [(1, cache, 50_000), (0, here, 50_000)]);
        let [totals] = &marks(t, MarkKind::LockTotals)[..] else { panic!() };
        assert_eq!((totals.a, totals.b, totals.c, totals.d), (3, here, 100, 4));
        assert_eq!((totals.length_ns, totals.span), (50_000, None));
    });
}

#[test]
fn another_tracer_gets_the_names_of_locks_too() {
    let lock = Lock::named(LockKind::Condvar, "shared");
    for _ in 0..2 {
        testing::run(|t| {
            in_root("locks", |_| mark::held(&lock, mark::stamp(), true));
            assert_eq!(marks(t, MarkKind::LockName).len(), 1);
        });
    }
}

#[test]
fn a_stage_is_of_the_span_whose_context_was_given() {
    testing::run_with_clock(|t, clock| {
        let job = root("job");
        let cx = job.context();
        let submitted = mark::stamp();
        clock.advance(Duration::from_millis(2));
        thread::scope(|threads| _ = threads.spawn(move || mark::stage(cx, StageKind::Submitted, submitted, 9)).join());
        mark::stage(cx, StageKind::Taken, mark::stamp(), 9);
        drop(job);
        let job = t.span("job");
        let stages = marks(t, MarkKind::Stage);
        let seen: HashSet<_> = stages.iter().map(|s| (s.a, s.b, s.time_ns - job.start_ns, s.span)).collect();
        let span = Some(job.span_id);
        let wanted = [(StageKind::Submitted as u64, 9, 0, span), (StageKind::Taken as u64, 9, 2_000_000, span)];
        assert_eq!(seen, wanted.into_iter().collect());
    });
}

#[test]
fn a_thread_says_its_place_in_its_pool_once_for_each_tracer() {
    thread::spawn(|| {
        mark::pool("workers", 5, 2, 8);
        for _ in 0..2 {
            testing::run(|t| {
                (0..10).for_each(|_| {
                    in_root("job", |_| ());
                    mark::pool("workers", 5, 2, 8);
                });
                let [place] = &marks(t, MarkKind::Pool)[..] else { panic!() };
                assert_eq!((place.a, place.b, place.c, &*place.text, place.span), (2, 5, 8, "workers", None));
                assert_eq!(place.lane, t.spans()[0].lane);
                mark::pool("workers", 5, 3, 8);
                in_root("job", |_| ());
                assert_eq!(marks(t, MarkKind::Pool).len(), 2, "another place");
                mark::pool("workers", 5, 2, 8);
            });
        }
    })
    .join()
    .unwrap();
}

#[test]
fn nothing_is_recorded_of_what_is_not_sampled() {
    testing::run_with(
        |builder| builder.sampler(Sampler::AlwaysOff),
        |t| {
            let (root, lock) = (t.tracer().root("root"), Lock::new(LockKind::Mutex));
            let scope = root.enter();
            let fan = FanOut::begin(root.context(), FanKind::Iterator, true);
            assert_eq!(fan.id(), 0);
            let strand = fan.strand(true);
            assert!(!fan.span("item").is_recording());
            drop(strand);
            fan.join();
            let from = mark::stamp();
            mark::waited(WaitCause::Mutex, from, Some(&lock), None, None);
            mark::held(&lock, from, true);
            mark::lock_totals(&lock, 1, 1, 1, 1);
            mark::stage(root.context(), StageKind::Sent, from, 1);
            mark::wait(WaitCause::Job, || thread::sleep(Duration::from_millis(1)));
            drop(scope);
            t.tracer().flush(LONG).unwrap();
            let ledger = t.tracer().ledger();
            assert_eq!((ledger.marks, ledger.lost_marks), (0, 0));
        },
    );
}

#[test]
fn without_a_tracer_everything_passes_through() {
    let fan = FanOut::begin(Context::INERT, FanKind::Scope, false);
    let strand = fan.strand(true);
    assert_eq!(fan.in_span("item", |_| 3) + mark::wait(WaitCause::Job, || 4), 7);
    drop(strand);
    fan.join();
    assert_eq!((fan.id(), mark::current_span()), (0, None));
}

fn unsampled() -> Settings {
    let mut settings = Settings::default();
    settings.sample = false;
    settings
}

/// A tracer whose shards are small and whose collector reads them only when it is asked.
fn full(test: impl FnOnce(&heirloom_core::Tracer, Memory)) {
    let memory = Memory::new();
    let mut settings = unsampled();
    settings.drain_interval = Duration::from_secs(10);
    let tracer = testing::small_shards(builder("full").settings(settings), 4 << 10).exporter(memory.clone());
    let guard = tracer.start().unwrap();
    test(guard.tracer(), memory);
    let report = guard.finish_within(LONG);
    assert!(report.ledger().is_balanced(), "{report}");
}

#[test]
fn marks_without_room_are_dropped_and_counted_and_cost_no_span_its_end() {
    full(|tracer, memory| {
        tracer.in_root("root", |root| {
            let from = mark::stamp();
            let fan = FanOut::begin(root.context(), FanKind::Join, false);
            let strands: Vec<_> = (0..4).map(|_| fan.strand(true)).collect();
            let open: Vec<_> = (0..4).map(|_| fan.span("open")).collect();
            let deadline = std::time::Instant::now() + LONG;
            while tracer.ledger().lost_marks == 0 {
                (0..1000).for_each(|_| mark::waited(WaitCause::Job, from, None, None, None));
                assert!(std::time::Instant::now() < deadline, "{}", tracer.ledger());
            }
            // The ring is full, and ends of strands and of spans have room.
            drop(strands);
            drop(open);
            tracer.flush(LONG).unwrap();
            assert_eq!(fan.context().span("after").context().span_id().to_u64() & 1, 1);
        });
        tracer.flush(LONG).unwrap();
        let (ledger, spans) = (tracer.ledger(), memory.spans());
        assert_eq!((ledger.begun, ledger.open, ledger.incomplete), (6, 0, 0), "{ledger}");
        assert_eq!(spans.iter().filter(|span| span.name == "open" && span.fan_out.is_some()).count(), 4);
        let after = spans.iter().find(|span| span.name == "after").unwrap();
        assert_eq!(after.fan_out, None, "all strands have ended");
        assert_eq!(ledger.marks, memory.marks().len() as u64);
        assert!(ledger.to_string().contains(" lost_marks="), "{ledger}");
    });
}

#[test]
fn strands_that_a_thread_leaves_give_their_room_back_when_another_thread_has_the_shard() {
    full(|tracer, memory| {
        let root = tracer.root("root");
        let cx = root.context();
        // 24 bytes each would fill 4 KiB long before.
        for n in 0..1000 {
            let leaves = move || {
                let fan = FanOut::begin(cx, FanKind::Join, false);
                std::mem::forget(fan.strand(false));
                cx.span("in it").set("n", n);
            };
            thread::spawn(leaves).join().unwrap();
            tracer.flush(LONG).unwrap();
        }
        drop(root);
        tracer.flush(LONG).unwrap();
        let ledger = tracer.ledger();
        assert_eq!((ledger.lost_marks, ledger.transparent.total()), (0, 0), "{ledger}");
        let fans: HashSet<_> = memory.spans().iter().filter_map(|span| span.fan_out).collect();
        assert_eq!(fans.len(), 1000, "no span takes the fan-out of an earlier thread's strand");
    });
}

#[test]
fn marks_alone_wait_for_a_span_within_a_bound_and_are_counted_when_none_comes() {
    const WAITING: u64 = 30_000;
    let memory = Memory::new();
    let guard = builder("alone").settings(unsampled()).exporter(memory.clone()).complete(LONG).start().unwrap();
    let tracer = guard.tracer();
    let span = tracer.root("open");
    let scope = span.enter();
    let from = mark::stamp();
    // Said once, before all others: it is kept, so that what refers to it has a name.
    static LOCK: Lock = Lock::named(LockKind::Mutex, "cache");
    mark::waited(WaitCause::Mutex, from, Some(&LOCK), None, None);
    for n in 0..WAITING {
        mark::waited(WaitCause::Job, from, None, Some(SpanId::from_u64(n + 1)), None);
        if n % 1000 == 0 {
            tracer.flush(LONG).unwrap();
        }
    }
    tracer.flush(LONG).unwrap();
    assert_eq!((memory.len(), memory.marks().len()), (0, 0), "there is no span that could carry them");
    drop(scope);
    drop(span);
    tracer.flush(LONG).unwrap();
    let (ledger, marks) = (tracer.ledger(), memory.marks());
    let (told, marks): (Vec<_>, Vec<_>) = marks.into_iter().partition(|mark| mark.kind == MarkKind::Forgotten);
    assert_eq!(told.iter().map(|mark| mark.a).collect::<Vec<_>>(), [ledger.forgotten_marks], "a reader is told");
    assert_eq!(ledger.marks, WAITING + 2);
    assert_eq!(marks.len() as u64 + ledger.forgotten_marks, WAITING + 2);
    let (name, marks) = marks.split_first().unwrap();
    assert_eq!((name.kind, &*name.text), (MarkKind::LockName, "cache"));
    assert!(marks.len() > 5_000 && marks.len() < 20_000, "{}", marks.len());
    let of: Vec<_> = marks.iter().map(|mark| mark.c).collect();
    assert!(of.iter().copied().eq(WAITING - of.len() as u64 + 1..=WAITING), "the youngest, in order");
    let forgotten = ledger.forgotten_marks;
    mark::wait(WaitCause::Empty, || ());
    let scope = tracer.bind(Context::INERT).enter();
    (0..10).for_each(|_| mark::waited(WaitCause::Empty, from, None, None, None));
    drop(scope);
    let report = guard.finish_within(LONG);
    assert_eq!(report.ledger().forgotten_marks, forgotten + 10, "{report}");
    assert!(report.is_complete(), "they are no spans: {report}");
}

/// Keeps a CPU busy for this long.
#[cfg(target_os = "linux")]
fn compute(time: Duration) {
    let start = std::time::Instant::now();
    while start.elapsed() < time {
        std::hint::black_box((0..1000_u64).fold(0, |sum, n| sum ^ (n * n)));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn while_records_arrive_lanes_and_the_process_are_sampled_and_an_idle_lane_takes_two_marks() {
    let memory = Memory::new();
    let guard =
        builder("sampled").settings(Settings::default()).exporter(memory.clone()).complete(LONG).start().unwrap();
    let tracer = guard.tracer();
    let cx = tracer.root("root");
    let loads = || memory.marks().into_iter().filter(|mark| mark.kind == MarkKind::Load).collect::<Vec<_>>();
    let (busy_ns, idle_ns) = thread::scope(|threads| {
        let (stop, idle) = std::sync::mpsc::channel::<()>();
        let cx = cx.context();
        threads.spawn(move || {
            cx.span("idle").end();
            let _ = idle.recv();
        });
        // Until the lanes are known and have a first sample.
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            cx.span("first").end();
            compute(Duration::from_millis(1));
        }
        let start = std::time::Instant::now();
        // Samples are rare where other programs hold the collector up.
        while start.elapsed() < Duration::from_millis(800) || (loads().len() < 8 && start.elapsed() < LONG) {
            cx.span("busy").end();
            compute(Duration::from_millis(1));
        }
        let seen = loads();
        let idle_ns = seen[seen.len() - 1].time_ns - seen[0].time_ns;
        drop(stop);
        (start.elapsed().as_nanos() as u64, idle_ns)
    });
    drop(cx);
    assert!(guard.finish_within(LONG).is_complete());
    let (spans, marks) = (memory.spans(), memory.marks());
    let lane = |name: &str| spans.iter().find(|span| span.name == name).map(|span| span.lane.clone()).unwrap();
    let cpu = |of: &str| -> Vec<_> {
        let lane = lane(of);
        marks.iter().filter(|mark| mark.kind == MarkKind::Cpu && mark.lane == lane).collect()
    };
    let (busy, idle) = (cpu("busy"), cpu("idle"));
    // Other programs may take the CPU: what it didn't get it waited for.
    let sum = busy.iter().map(|mark| mark.a + mark.b).sum::<u64>();
    assert!(sum > busy_ns / 2 && busy.len() >= 4, "{sum} ns of {busy_ns} ns in {} marks", busy.len());
    let covered = busy.iter().map(|mark| mark.length_ns).sum::<u64>();
    assert!(sum <= covered + covered / 4, "{sum} ns in {covered} ns");
    assert!(busy.windows(2).all(|pair| pair[0].time_ns <= pair[1].time_ns - pair[1].length_ns), "they don't overlap");
    assert!(idle.len() <= 3 && idle.iter().map(|mark| mark.length_ns).sum::<u64>() > idle_ns / 2, "{idle_ns} {idle:?}");
    let load = loads();
    assert!(load.len() >= 4 && load.iter().map(|mark| mark.a).sum::<u64>() > 0, "{load:?}");
    // In 200 ms there are 4 samples and the first ones, which come sooner.
    let most = (busy_ns / 50_000_000 + 10) as usize;
    assert!(load.len() <= most, "20 times a second at most: {} in {busy_ns} ns", load.len());
    // Heirloom's own threads have used something, and less than the process.
    let own: Vec<_> = marks.iter().filter(|mark| mark.kind == MarkKind::Collector).collect();
    let own_ns = own.iter().map(|mark| mark.a).sum::<u64>();
    assert!(own.len() == load.len() && (1..busy_ns).contains(&own_ns), "{own_ns} ns in {} marks", own.len());
    // Each span counts once: a clock reading takes more than 2 ns everywhere, and less than 10 us.
    let (recording_ns, begun) = (load.iter().map(|mark| mark.d).sum::<u64>(), spans.len() as u64);
    assert!((5 * begun..25_000 * begun).contains(&recording_ns), "{recording_ns} ns for {begun} spans");
}
