//! A child that publishes the records of the input, in any order, with passes of the collector in between.
#![no_main]

use heirloom_core::mark::MarkKind;
use heirloom_core::testing::region::RawRecord;
use heirloom_fuzz::family::{self, Family, SHARDS};
use heirloom_fuzz::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    family::run(|family| {
        let mut script = Script::new(input);
        let mut child = Child::default();
        while !script.is_over() {
            step(family, &mut child, &mut script);
        }
    });
});

/// The child's spans.
#[derive(Default)]
struct Child {
    shard: usize,
    spans: Vec<u64>,
}

fn step(family: &mut Family<'_>, child: &mut Child, script: &mut Script<'_>) {
    match script.byte() % 16 {
        0 => raw(family, child, script),
        1 | 2 => record(family, child, script),
        3 => begin(family, child),
        4 => end(family, child, script),
        5 => _ = family.pass(),
        6 => family.begin_own(),
        7 => family.end_own(),
        8 => {
            let span = span(family, child, script);
            family.child.stray_end(span);
        }
        9 | 10 => trace_value(family, child, script),
        11 => skip(family, child, script),
        12 | 13 => mark(family, child, script),
        14 => {
            let (ends, fan) = (script.byte() % 2 == 0, u64::from(script.byte() % 4));
            let parent = span(family, child, script);
            family.shards[child.shard].record(&RawRecord::strand(ends, parent, fan));
        }
        _ => child.shard = usize::from(script.byte()) % SHARDS,
    }
}

/// Arbitrary words.
fn raw(family: &mut Family<'_>, child: &Child, script: &mut Script<'_>) {
    let words: Vec<u64> = (0..script.byte() % 32).map(|_| script.word()).collect();
    family.shards[child.shard].record(&words);
}

/// A header with a valid length, a span that may exist, and arbitrary words.
fn record(family: &mut Family<'_>, child: &mut Child, script: &mut Script<'_>) {
    let (kind, flags, aux) = (script.byte() % RawRecord::KINDS, script.half() & 0xfff, u32::from(script.half()));
    let len = usize::from(script.byte() % 40);
    let mut words = Vec::with_capacity(len);
    while words.len() < len {
        words.push(match words.len() {
            0 => span(family, child, script),
            _ => word(script),
        });
    }
    let record = RawRecord::of(kind, flags, aux, &words);
    family.shards[child.shard].record(&record);
    if record.is_begin() {
        child.spans.extend(words.first());
    }
}

/// A jump over arbitrary words, or over other words than those behind it.
fn skip(family: &mut Family<'_>, child: &Child, script: &mut Script<'_>) {
    let (bytes, len) = (8 * u64::from(script.byte()), usize::from(script.byte() % 8));
    let behind = (0..len).map(|_| script.word());
    let words: Vec<u64> = RawRecord::skip(bytes).iter().copied().chain(behind).collect();
    family.shards[child.shard].record(&words);
}

/// A value of the parent's trace or of another one, with a text, a list of texts or arbitrary words.
fn trace_value(family: &mut Family<'_>, child: &Child, script: &mut Script<'_>) {
    let (flags, aux, which) = (script.half() & 0xfff, u32::from(script.byte() % 9), script.byte());
    let root = u128::from_be_bytes(family.root.context().trace_id().to_bytes());
    let trace = if which < 128 { root } else { u128::from(which) };
    let len = usize::from(script.byte() % 40) + 5;
    let mut words = vec![span(family, child, script), (trace >> 64) as u64, trace as u64, word(script)];
    while words.len() < len {
        words.push(word(script));
    }
    family.set_values |= trace == root;
    family.shards[child.shard].record(&RawRecord::any_trace_value(flags, aux, &words));
}

/// A mark of any kind, or a span in a fan-out.
fn mark(family: &mut Family<'_>, child: &mut Child, script: &mut Script<'_>) {
    let of = span(family, child, script);
    let Some(kind) = MarkKind::of(u64::from(script.byte() % 14)) else {
        let begin = RawRecord::begin_in_fan(of, 1, family.root.context(), word(script), word(script));
        family.shards[child.shard].record(&begin);
        return child.spans.push(of);
    };
    let fields = [word(script), word(script), word(script), word(script)];
    let text = &"a text of some length"[..usize::from(script.byte() % 20)];
    let mark = RawRecord::mark(kind, of, word(script), word(script), fields, text);
    let aux = if script.byte() < 16 { u32::from(script.half()) } else { mark.aux() };
    family.shards[child.shard].record(&mark.with_aux(aux));
}

/// A small number, or any number.
fn word(script: &mut Script<'_>) -> u64 {
    match script.byte() {
        255 => script.word(),
        small => u64::from(small),
    }
}

fn begin(family: &mut Family<'_>, child: &mut Child) {
    let parent = family.root.context();
    child.spans.extend(family.shards[child.shard].begin(1, parent));
}

fn end(family: &mut Family<'_>, child: &Child, script: &mut Script<'_>) {
    let span = span(family, child, script);
    family.shards[child.shard].record(&RawRecord::end(span, script.half() & 0xfff, 1));
}

/// An id: of a started span, of one that was never started, of one of the parent's spans, or any number.
fn span(family: &Family<'_>, child: &Child, script: &mut Script<'_>) -> u64 {
    match script.byte() {
        which @ 0..=199 => match child.spans.len() {
            0 => 0,
            len => child.spans[len - 1 - usize::from(which) % len],
        },
        which @ 200..=219 => family.own_id(which),
        220..=249 => family.shards[child.shard].unused_id().to_u64(),
        _ => script.word(),
    }
}
