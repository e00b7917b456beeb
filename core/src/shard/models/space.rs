//! Jumps, hops and memory that is given back: what is read is what was written, and no memory is freed that the writer may
//! write.

use super::stage::{make_room, Shard};
use super::{planted, reached, Model, Planted, Weak, EDGES};
use crate::clock;
use crate::shard::claim::Claim;
use crate::shard::{Budget, OwnBudget, Reader, Sizes};
use crate::sync::{Edge, Ordering};
use crate::wire::{Header, Kind};
use loom::thread;
use std::sync::Arc;

/// The smallest ring that uses only a part of itself.
const RING: u64 = 256;
/// The length of a record: a step of the writer.
const BYTES: u64 = 32;

fn shard() -> Arc<Shard> {
    let sizes = Sizes { bytes: RING, max_open: 8, max_value_bytes: 64 };
    let budget: Arc<dyn Budget> = Arc::new(OwnBudget::new(1 << 20));
    Arc::new(Shard::new(sizes, clock::MANUAL, 1, budget).unwrap())
}

fn record(number: u64) -> [u64; 4] {
    [Header::new(Kind::Link, BYTES, 0, 0).0, number, number, number]
}

/// Appends records while there is room for them; returns the appended ones.
fn append(shard: &Shard, numbers: std::ops::Range<u64>) -> Vec<u64> {
    let fits = |_: &u64| make_room(shard, BYTES, false).is_ok();
    numbers.filter(fits).inspect(|number| shard.writer().record(record(*number))).collect()
}

fn drain(reader: &mut Reader, seen: &mut Vec<u64>) {
    reader.drain(|words| {
        assert_eq!(words, record(words[1]));
        seen.push(words[1]);
    });
}

/// The writer is just behind the place from which it jumps, and goes on; meanwhile it is read.
fn jump_and_hop() {
    let shard = shard();
    let mut reader = Reader::new(Arc::clone(&shard));
    let mut seen = Vec::new();
    let mut written = append(&shard, 0..3);
    drain(&mut reader, &mut seen);
    let thread = {
        let shard = Arc::clone(&shard);
        thread::spawn(move || append(&shard, 3..9))
    };
    drain(&mut reader, &mut seen);
    drain(&mut reader, &mut seen);
    written.extend(thread.join().unwrap());
    drain(&mut reader, &mut seen);
    assert_eq!(seen, written);
    assert_eq!(written, (0..9).collect::<Vec<_>>(), "there is always room");
    let head = shard.head().written.head.load(Ordering::Relaxed);
    reached(match head / RING {
        1 if head % RING == 6 * BYTES => "jumped",
        1 => "hopped",
        _ => "jumped again",
    });
}

#[test]
fn a_writer_that_jumps_back_and_hops_over_what_is_unread_loses_nothing() {
    Model {
        name: "jump",
        run: jump_and_hop,
        at_least: 500,
        reaches: &["jumped", "hopped", "jumped again"],
        mutants: &EDGES,
    }
    .check();
}

/// Frees memory like [`Reader::tend`], but wrongly.
fn free_wrongly(shard: &Shard, tail: u64) {
    let (block, sizes) = shard.writer().words();
    // Loom shows the latest claim to an exchange.
    let claim = Claim(shard.head().written.claim.fetch_or(0, Ordering::Acquire));
    let to = if planted(Planted::FreesTheClaim) { tail } else { claim.position() + 8 };
    let mask = sizes.bytes - 1;
    block.free(&((to & mask).max(8)..sizes.words_bytes()));
}

/// The writer had used much of the ring; the collector gives that back while the writer needs some.
fn raise_and_reclaim() {
    let shard = shard();
    let mut reader = Reader::new(Arc::clone(&shard));
    let mut seen = Vec::new();
    let mut written = append(&shard, 0..6);
    drain(&mut reader, &mut seen);
    // What was read until now doesn't count as used any more.
    reader.tend();
    let used = || shard.writer().budget().used().load(Ordering::Relaxed);
    let before = used();
    let thread = {
        let shard = Arc::clone(&shard);
        thread::spawn(move || append(&shard, 6..9))
    };
    if planted(Planted::FreesTheClaim) || planted(Planted::FreesWithoutMark) {
        free_wrongly(&shard, reader.tail());
    } else {
        reader.tend();
    }
    if used() < before {
        reached("freed");
    }
    drain(&mut reader, &mut seen);
    reader.tend();
    written.extend(thread.join().unwrap());
    drain(&mut reader, &mut seen);
    assert_eq!(seen, written);
    reached(match written.len() {
        9 => "there was room",
        _ => "no room while memory was freed",
    });
    // After that there is room, whatever happened.
    let more = append(&shard, 9..12);
    assert_eq!(more, [9, 10, 11]);
    drain(&mut reader, &mut seen);
    assert_eq!(seen.len(), written.len() + 3);
}

#[test]
fn memory_is_never_freed_that_the_writer_may_write() {
    Model {
        name: "raise against reclaim",
        run: raise_and_reclaim,
        at_least: 200,
        reaches: &["freed", "there was room", "no room while memory was freed"],
        mutants: &[Planted::FreesTheClaim, Planted::FreesWithoutMark, Weak(Edge::Reclaim), Weak(Edge::SeeClaim)],
    }
    .check();
}
