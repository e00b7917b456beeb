//! Publish, space, free: the reader gets what was written, complete and in order, and no word is written while it may be
//! read.

use super::stage::{make_room, shard, Shard, QUARTER};
use super::{reached, Model, EDGES};
use crate::shard::Reader;
use crate::wire::{Header, Kind};
use loom::thread;
use std::sync::Arc;

/// A record of `N` words, each of which contains its number.
fn words<const N: usize>(number: u64) -> [u64; N] {
    let mut words = [number; N];
    words[0] = Header::new(Kind::Link, 8 * N as u64, 0, 0).0;
    words
}

/// Appends records while there is room for them; returns the appended ones.
fn append<const N: usize>(shard: &Shard, numbers: std::ops::Range<u64>) -> Vec<u64> {
    let fits = |_: &u64| make_room(shard, 8 * N as u64, false).is_ok();
    numbers.filter(fits).inspect(|number| shard.writer().record(words::<N>(*number))).collect()
}

fn drain<const N: usize>(reader: &mut Reader, seen: &mut Vec<u64>) {
    reader.drain(|run, len| {
        assert_eq!(run[..len], words::<N>(run[1]));
        seen.push(run[1]);
        len
    });
}

/// One thread writes while another one reads, from the present position of the ring.
fn write_and_read<const N: usize>(shard: &Arc<Shard>, reader: &mut Reader, records: u64, at_once: usize) {
    let writer = Arc::clone(shard);
    let writer = thread::spawn(move || append::<N>(&writer, 0..records));
    let mut seen = Vec::new();
    drain::<N>(reader, &mut seen);
    drain::<N>(reader, &mut seen);
    let written = writer.join().unwrap();
    drain::<N>(reader, &mut seen);
    assert_eq!(seen, written);
    assert!(super::stage::is_empty(shard));
    if written.len() > at_once {
        reached("a record where another one was");
    }
    if written.len() < records as usize {
        reached("no room");
    }
}

#[test]
fn records_are_read_whole_and_room_comes_back_after_it_was_read() {
    Model {
        name: "publish, space, free",
        run: || {
            let shard = shard();
            let mut reader = Reader::new(Arc::clone(&shard));
            write_and_read::<{ QUARTER as usize / 8 }>(&shard, &mut reader, 6, 4);
        },
        at_least: 1000,
        reaches: &["a record where another one was", "no room"],
        mutants: &EDGES,
    }
    .check();
}

#[test]
fn a_record_over_the_end_of_the_ring_lies_in_one_piece() {
    Model {
        name: "wrap-around",
        run: || {
            let shard = shard();
            let mut reader = Reader::new(Arc::clone(&shard));
            assert_eq!(append::<6>(&shard, 0..2), [0, 1]);
            drain::<6>(&mut reader, &mut Vec::new());
            write_and_read::<6>(&shard, &mut reader, 4, 2);
        },
        at_least: 150,
        reaches: &["a record where another one was", "no room"],
        mutants: &EDGES,
    }
    .check();
}
