//! A child that changes the words of its region while the collector reads them. The changes continue after its exit, as a
//! process that was forked from it can make them.
#![no_main]

use heirloom_core::mark::MarkKind;
use heirloom_core::testing::region::{Parent, RawRecord, SharedMemory};
use heirloom_core::{SpanId, Value};
use heirloom_fuzz::family::{self, Family, RING, SHARDS};
use heirloom_fuzz::Script;
use libfuzzer_sys::fuzz_target;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// A change of one word.
struct Change {
    place: usize,
    how: How,
    /// Rounds of a delay loop before the change.
    pause: u8,
}

enum How {
    Set(u64),
    Add(u64),
    Flip(u64),
}

fuzz_target!(|input: &[u8]| {
    family::end(
        |family| {
            let mut script = Script::new(input);
            let passes = script.byte() % 4;
            records(family, script.byte());
            let mut changes: Vec<Change> = Vec::new();
            while !script.is_over() {
                changes.push(change(family, &mut script));
            }
            let changes = changes.into();
            mutate(family, &changes, |family| {
                for _ in 0..=passes {
                    family.begin_own();
                    family.pass();
                    family.begin_own();
                    family.end_own();
                }
            });
            // The changes continue, so that the end of the region is disturbed as well.
            family.region.died(heirloom_core::region::Death::Unknown);
            mutate(family, &changes, |family| {
                while family.region.wait_closed(Duration::ZERO).is_none() {
                    family.pass();
                }
            });
        },
        |_| (),
    );
});

/// Records to change: spans with attributes, some of them open, as a well-behaved child writes them.
fn records(family: &mut Family<'_>, many: u8) {
    let parent = family.root.context();
    for shard in &mut family.shards {
        for n in 0..many % 16 {
            let Some(span) = shard.begin(1, parent) else { break };
            shard.number(span, 2, i64::from(n));
            shard.text(span, "key", "some text");
            // A number and a list of one text, in a trace that no other span has.
            let trace = Parent { span: SpanId::from_u64(span), ..Parent::of_root(1 << 64 | u128::from(n)) };
            shard.record(&RawRecord::trace_value(trace, 1, &7.into(), 1));
            shard.record(&RawRecord::trace_value(trace, 2, &Value::Strs(vec!["aaaa".into()]), 1));
            shard.record(&RawRecord::mark(MarkKind::Wait, span, 1, 1, [1, 2, 3, 4], "text"));
            shard.record(&RawRecord::strand(n % 2 == 0, span, 1));
            if n % 3 != 0 {
                shard.end(span);
            }
        }
    }
}

/// The loop of the other thread: it repeats the changes until it is told to stop.
struct Job {
    memory: SharedMemory,
    changes: Arc<[Change]>,
    state: AtomicU8,
}

const WAITS: u8 = 0;
const RUNS: u8 = 1;
const IS_ENOUGH: u8 = 2;
const DONE: u8 = 3;

impl Job {
    fn run(&self) {
        self.state.store(RUNS, Release);
        while self.state.load(Acquire) == RUNS {
            self.changes.iter().for_each(|change| change.make(&self.memory));
            std::hint::spin_loop();
        }
        self.state.store(DONE, Release);
    }

    fn await_state(&self, state: u8) {
        while self.state.load(Acquire) != state {
            std::thread::yield_now();
        }
    }
}

/// One thread for all inputs.
fn give_to_other_thread(job: Arc<Job>) {
    static OTHER: OnceLock<Mutex<Sender<Arc<Job>>>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = channel::<Arc<Job>>();
        std::thread::spawn(move || receiver.into_iter().for_each(|job| job.run()));
        Mutex::new(sender)
    };
    let other = OTHER.get_or_init(start).lock().expect("no thread panics while it holds the lock");
    other.send(job).expect("it never ends");
}

/// Runs `body` while another thread repeats the changes.
fn mutate(family: &mut Family<'_>, changes: &Arc<[Change]>, body: impl FnOnce(&mut Family<'_>)) {
    let (memory, changes) = (family.memory.clone(), Arc::clone(changes));
    let job = Arc::new(Job { memory, changes, state: AtomicU8::new(WAITS) });
    give_to_other_thread(Arc::clone(&job));
    job.await_state(RUNS);
    body(family);
    job.state.store(IS_ENOUGH, Release);
    job.await_state(DONE);
}

impl Change {
    fn make(&self, memory: &SharedMemory) {
        (0..self.pause).for_each(|_| std::hint::spin_loop());
        let word = &memory.words()[self.place];
        match self.how {
            How::Set(value) => word.store(value, Release),
            How::Add(value) => _ = word.fetch_add(value, Release),
            How::Flip(value) => _ = word.fetch_xor(value, Release),
        }
    }
}

/// The offsets of a region's parts, in words: see `docs/shm-format.md`.
const STRAYS: usize = 4096 / 8;
const RESOURCE: usize = 69_632 / 8;
const NAMES: usize = 77_824 / 8;
const SHARDS_AT: usize = 1_126_400 / 8;
/// The distance between the heads of two shards: head, ring and slack, in whole pages.
const STRIDE: usize = (256 + RING + RING / 8).next_multiple_of(4096) / 8;

fn change(family: &Family<'_>, script: &mut Script<'_>) -> Change {
    let (class, at) = (script.byte(), usize::from(script.byte()));
    let shard = SHARDS_AT + usize::from(class >> 4) % SHARDS * STRIDE;
    let place = match class & 15 {
        0 => at % 64,
        1 | 2 => 32 + at % 6,
        3 => STRAYS + at % 32,
        4 => RESOURCE + at,
        5 => NAMES + at % 16,
        6 => shard,
        7 => shard + at % 32,
        _ => shard + 32 + at % 128,
    };
    let (kind, pause) = (script.byte(), script.byte() % 64);
    let value = match kind >> 2 & 7 {
        0 => u64::from(script.byte()),
        1 => script.word(),
        2 => u64::MAX,
        3 => u64::from(script.half()) * 8,
        // A header: kind, words, flags, name.
        4 | 5 => {
            let (kind, words) = (script.byte() % RawRecord::KINDS, u16::from(script.byte() % 64));
            RawRecord::header(kind, words, script.half() & 0xfff, script.byte().into())
        }
        // A span of this shard, or one of the parent's.
        6 => family.shards[usize::from(class >> 4) % SHARDS].unused_id().to_u64(),
        _ => family.own_id(script.byte()),
    };
    let how = match kind & 3 {
        0 | 1 => How::Set(value),
        2 => How::Add(value),
        _ => How::Flip(value),
    };
    Change { place, how, pause }
}
