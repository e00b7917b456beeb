//! Forked processes that write the real ring by hand.
//!
//! Each starts a span that it never ends. Then it repeats without end: it starts a span, sets a number on it, starts a span inside
//! it, and ends both. Ids are counted up. The oracle has the number of ends that have returned, so it knows which spans must be
//! exported.
#![allow(unsafe_code)]

use super::seen::{Seen, Span};
use super::{kills, real_kills, Outcome, CLOSED_WITHIN};
use heirloom_core::region::{Death, Region};
use heirloom_core::testing::region::{Parent, RawChild, RawShard, SharedMemory};
use heirloom_core::{builder, testing, Context, Guard, Settings, SpanId};
use heirloom_harness::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NONCE: u64 = 1;
/// How many live at the same time.
const AT_ONCE: usize = 8;
const OUTER: u32 = 1;
const INNER: u32 = 2;
const NUMBER: u32 = 3;
const LIFE: u32 = 4;

/// What a child keeps up to date: ends that have returned, and the id of its first span, the one that never ends.
struct Oracle<'a> {
    ends: &'a AtomicU64,
    first: &'a AtomicU64,
}

impl<'a> Oracle<'a> {
    fn of(memory: &'a SharedMemory) -> Self {
        let words = memory.words();
        Self { ends: &words[0], first: &words[1] }
    }
}

/// A child that runs.
struct Forked {
    pid: libc::pid_t,
    region: Region,
    oracle: SharedMemory,
}

#[derive(Clone, Copy, PartialEq)]
enum Bug {
    None,
    /// Begins are published before their words are written.
    Torn,
}

/// What a child does. Returns only if something is wrong.
fn work(memory: &SharedMemory, oracle: &SharedMemory, parent: Parent, bug: Bug) -> Option<()> {
    let child = RawChild::attach(memory, NONCE).ok()?;
    let named = child.name("outer") && child.name("inner") && child.name("number") && child.name("life");
    let mut shard = named.then(|| child.shard(1, "forked")).flatten()?;
    let oracle = Oracle::of(oracle);
    oracle.first.store(begin(&child, &mut shard, LIFE, parent, bug), Ordering::Release);
    loop {
        let outer = begin(&child, &mut shard, OUTER, parent, bug);
        while !shard.number(outer, NUMBER, number_of(outer)) {
            wait_for_room();
        }
        let inner = begin(&child, &mut shard, INNER, Parent { span: SpanId::from_u64(outer), ..parent }, bug);
        shard.end(inner);
        oracle.ends.fetch_add(1, Ordering::Release);
        shard.end(outer);
        oracle.ends.fetch_add(1, Ordering::Release);
    }
}

fn begin(child: &RawChild, shard: &mut RawShard, name: u32, parent: Parent, bug: Bug) -> u64 {
    loop {
        let span = match bug {
            Bug::None => shard.begin(name, parent),
            Bug::Torn => shard.torn_begin(child, 0, name, parent),
        };
        if let Some(span) = span {
            return span;
        }
        wait_for_room();
    }
}

/// Leaves the processor to the collector.
fn wait_for_room() {
    std::thread::sleep(Duration::from_micros(20));
}

fn number_of(span: u64) -> i64 {
    (span.wrapping_mul(0x9e37_79b9) >> 8) as i64
}

fn fork(guard: &Guard, cx: Context, bug: Bug) -> Forked {
    let memory = SharedMemory::new(Region::bytes(guard.tracer())).unwrap();
    let oracle = SharedMemory::new(4096).unwrap();
    let region = Region::host(guard.tracer(), Box::new(memory.clone()), NONCE).unwrap();
    // SAFETY: the child calls only this file's `work`, which takes no lock that another thread of the parent may hold: the
    // allocator's are taken care of by fork.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork");
    if pid == 0 {
        let _ = work(&memory, &oracle, cx.into(), bug);
        // SAFETY: ends the child.
        unsafe { libc::_exit(1) };
    }
    region.started(pid as u32);
    Forked { pid, region, oracle }
}

impl Forked {
    /// Kills the process and returns how long its region took to be closed.
    fn kill(&self, outcome: &mut Outcome) {
        // SAFETY: its own child.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        let mut status = 0;
        // SAFETY: as above; the pointer is to a live integer.
        let reaped = unsafe { libc::waitpid(self.pid, &mut status, 0) };
        assert_eq!(reaped, self.pid);
        assert!(libc::WIFSIGNALED(status), "the child ended by itself: {status:x}");
        let dead = Instant::now();
        self.region.died(Death::Killed(libc::SIGKILL));
        let report = self.region.wait_closed(Duration::from_secs(60)).expect("a region that is never closed");
        outcome.slowest = outcome.slowest.max(dead.elapsed());
        outcome.kills += 1;
        outcome.torn += report.quarantined;
        outcome.unpublished += report.unpublished;
    }

    /// Compares what arrived with what the oracle says.
    fn check(&self, spans: &[Span], outcome: &mut Outcome) {
        let oracle = Oracle::of(&self.oracle);
        let (ends, first) = (oracle.ends.load(Ordering::Acquire), oracle.first.load(Ordering::Acquire));
        outcome.ended += ends;
        let mut by_id: HashMap<u64, &Span> = HashMap::new();
        for span in spans {
            outcome.twice += u64::from(by_id.insert(span.id, span).is_some());
            outcome.aborted += u64::from(span.aborted);
            outcome.torn += u64::from(!is_whole(span));
        }
        for end in 0..ends {
            // The inner one of each pair ends first, and has the second id.
            let id = first + 2 + 4 * (end / 2) + if end % 2 == 0 { 2 } else { 0 };
            let found = by_id.get(&id).filter(|span| !span.aborted);
            outcome.lost += u64::from(found.is_none());
        }
        // What was open at the death: that one, and at most the pair.
        let open = spans.iter().filter(|span| span.aborted).count();
        outcome.torn += u64::from(open > 3);
        outcome.lost += u64::from(first != 0 && !by_id.get(&first).is_some_and(|span| span.aborted));
    }
}

/// Whether a span is as its writer meant it.
fn is_whole(span: &Span) -> bool {
    match span.name.as_str() {
        "outer" if span.aborted => span.number.is_none_or(|number| number == number_of(span.id)),
        "outer" => span.number == Some(number_of(span.id)),
        "life" => span.aborted && span.number.is_none(),
        "inner" => span.parent == span.id - 2 && span.number.is_none(),
        _ => false,
    }
}

fn campaign(kills: usize, bug: Bug) -> Outcome {
    let seen = Seen::default();
    let settings = Settings::default();
    let start = testing::small_shards(
        builder("kills").settings(settings).exporter(seen.clone()).queue_bytes(1 << 30),
        64 << 10,
    );
    let guard = start.start().unwrap();
    let root = guard.tracer().root("kills");
    let mut random = Rng(std::process::id().into());
    let mut outcome = Outcome::default();
    while outcome.kills < kills {
        let children: Vec<Forked> = (0..AT_ONCE).map(|_| fork(&guard, root.context(), bug)).collect();
        for child in &children {
            std::thread::sleep(Duration::from_micros(random.below(700)));
            child.kill(&mut outcome);
        }
        guard.tracer().flush(Duration::from_secs(10)).unwrap();
        for child in &children {
            child.check(&seen.take(child.pid as u32), &mut outcome);
        }
    }
    drop(root);
    let report = guard.finish();
    assert!(report.ledger().is_balanced(), "{report}");
    assert_eq!(report.ledger().corrupt, 0, "{report}");
    outcome
}

#[test]
fn nothing_that_had_ended_is_lost_however_a_process_is_killed() {
    let outcome = campaign(kills() - real_kills(), Bug::None);
    outcome.print("forked");
    assert!(outcome.is_clean(), "{outcome:?}");
    assert!(outcome.slowest < CLOSED_WITHIN, "{outcome:?}");
    assert!(outcome.ended > 10 * outcome.kills as u64, "the children hardly did anything: {outcome:?}");
    assert!(outcome.aborted > outcome.kills as u64 * 9 / 10, "hardly anything was open: {outcome:?}");
}

#[test]
fn a_writer_that_publishes_before_it_writes_is_caught() {
    let outcome = campaign(64, Bug::Torn);
    outcome.print("planted tear");
    assert!(!outcome.is_clean(), "the planted bug was not noticed: {outcome:?}");
}
