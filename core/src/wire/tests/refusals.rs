//! Each check has a record that it alone refuses: nearly a valid one, which passes without the one change. The bugs in
//! `ci/mutants/wire.bugs` remove the checks one by one.

use super::*;
use crate::wire::check::Origin as _;
use crate::wire::value::lengths;

/// A span of the shard.
const OWN: u64 = 2001;
/// A span of another process.
const FOREIGN: u64 = 7;

/// The first record passes, and the second one is refused with this violation.
#[track_caller]
fn refused(good: &[u64], bad: &[u64], why: Violation) {
    assert!(checked(good).is_ok(), "the record without the change: {good:x?}");
    assert_eq!(checked(bad), Err(why), "{bad:x?}");
}

fn with_word(record: &[u64], at: usize, word: u64) -> Vec<u64> {
    let mut record = record.to_vec();
    record[at] = word;
    record
}

fn with_flag(record: &[u64], flag: u16) -> Vec<u64> {
    with_word(record, 0, Header(record[0]).with(flag).0)
}

/// A record with its header and these words.
fn record(kind: Kind, flags: u16, aux: u32, words: &[u64]) -> Vec<u64> {
    let header = Header::new(kind, 8 * (1 + words.len() as u64), flags, aux);
    [&[header.0], words].concat()
}

fn begin() -> Vec<u64> {
    Begin { flags: 0, name: 5, propagated: 0, parent: 0, trace: TRACE, tick: 9 }.record(OWN).into()
}

fn link(items: &[u64]) -> Vec<u64> {
    record(Kind::Link, 0, 1, &[&[OWN, 7, 8, 6, 0], items].concat())
}

fn event(items: &[u64]) -> Vec<u64> {
    record(Kind::Event, 0, 5, &[&[OWN, 9, 0], items].concat())
}

/// A record of every kind that is about one span.
fn about_a_span() -> Vec<Vec<u64>> {
    let text = Type::Str as u16;
    vec![
        End { flags: 0, dropped: 0, span: OWN, tick: 9 }.record().to_vec(),
        record(Kind::Attr, Type::I64 as u16, 5, &[OWN, 1]),
        record(Kind::Attr, text, 5, &[OWN, 3, 0]),
        event(&[]),
        link(&[]),
        record(Kind::Status, 2, 3, &[OWN, 0]),
        record(Kind::Rename, 0, 5, &[OWN]),
        record(Kind::Tracestate, 0, 8, &[OWN, u64::from_ne_bytes(*b"vendor=1")]),
    ]
}

#[test]
fn a_record_about_a_span_of_another_process_is_refused() {
    let records = about_a_span();
    assert_eq!(records.len(), 8);
    for good in records {
        refused(&good, &with_word(&good, 1, FOREIGN), Violation::Forged);
    }
}

#[test]
fn a_span_begins_in_its_own_shard_under_an_odd_id_in_a_trace() {
    let good = begin();
    refused(&good, &with_word(&good, 1, 1001), Violation::Forged);
    refused(&good, &with_word(&good, 1, OWN + 1), Violation::Forged);
    refused(&good, &with_word(&with_word(&good, 3, 0), 4, 0), Violation::Forged);
    // Half of the id of a trace may be zero.
    assert!(checked(&with_word(&good, 3, 0)).is_ok() && checked(&with_word(&good, 4, 0)).is_ok());
}

#[test]
fn a_parent_of_another_process_is_remote_and_an_own_one_is_not() {
    let is_remote = |parent| Header(checked(&with_word(&begin(), 2, parent)).unwrap()[0]).has(Begin::PARENT_REMOTE);
    assert_eq!([0, 1003, OWN + 2, FOREIGN].map(is_remote), [false, false, false, true]);
}

#[test]
fn a_value_of_a_trace_has_a_trace_and_a_span() {
    let good = record(Kind::TraceValue, Type::I64 as u16, 5, &[1, 7, 8, 9, 1]);
    refused(&good, &with_word(&good, 1, 0), Violation::Forged);
    refused(&good, &with_word(&with_word(&good, 2, 0), 3, 0), Violation::Forged);
}

fn wait(span: u64, fields: [u64; 4]) -> Vec<u64> {
    let mark = Mark { kind: MarkKind::Wait, flags: 0, span, tick: 9, length: 3, fields };
    mark.before_text(0).as_slice().to_vec()
}

#[test]
fn a_mark_is_of_no_span_or_of_one_of_its_process_and_other_spans_are_only_numbers_in_it() {
    let good = wait(OWN, [1, 2, FOREIGN, FOREIGN]);
    refused(&good, &with_word(&good, 1, FOREIGN), Violation::Forged);
    assert!(checked(&with_word(&good, 1, 0)).is_ok());
}

#[test]
fn a_mark_has_a_known_kind_its_words_and_a_text_that_fits() {
    let good = wait(OWN, [1, 2, 3, 4]);
    let with_aux = |aux: u32| with_word(&good, 0, Header(good[0]).with_aux(aux).0);
    let aux = Header(good[0]).aux();
    let collectors = [MarkKind::Cpu, MarkKind::Load, MarkKind::Forgotten, MarkKind::Collector].map(|kind| kind as u32);
    for kind in [0, 15, 255].into_iter().chain(collectors) {
        refused(&good, &with_aux(aux & !0xff | kind), Violation::Kind);
    }
    // A wait has a length.
    let bare = record(Kind::Mark, 0, MarkKind::Wait as u32, &[OWN, 9]);
    refused(&good, &bare, Violation::Length);
    let fan = |words: &[u64]| {
        let aux = MarkKind::Fan as u32 | ((words.len() - 2) as u32) << 8;
        record(Kind::Mark, 0, aux, words)
    };
    refused(&fan(&[OWN, 9, 1, 2, 3, 4]), &fan(&[OWN, 9, 1, 2, 3, 4, 5]), Violation::Length);
    let named = |len: u32, bytes: usize| {
        let aux = MarkKind::LockName as u32 | len << 16;
        record(Kind::Mark, 0, aux, &[&[0, 9], &vec![0; bytes.div_ceil(8)][..]].concat())
    };
    refused(&named(255, 255), &named(256, 256), Violation::Length);
    refused(&named(8, 8), &named(9, 8), Violation::Length);
}

#[test]
fn a_begin_is_as_long_as_its_header_says_with_a_fan_out_and_without() {
    let good = Begin { flags: 0, name: 5, propagated: 0, parent: 0, trace: TRACE, tick: 9 }.record_in_fan(OWN, 7);
    refused(&good, &good[..6], Violation::Length);
    let two_more = [&good[..], &[1]].concat();
    refused(&good, &with_word(&two_more, 0, Header::new(Kind::Begin, 64, 0, 5).0), Violation::Length);
}

#[test]
fn a_kind_or_a_type_without_a_meaning_is_refused() {
    let good = begin();
    for kind in [0, 12, 14, 255] {
        refused(&good, &with_word(&good, 0, Header::of_parts(kind, 6, 0, 5).0), Violation::Kind);
    }
    for ty in [0, 10, 15] {
        let attr = |ty: u16| record(Kind::Attr, ty, 5, &[OWN, 1]);
        refused(&attr(Type::I64 as u16), &attr(ty), Violation::Kind);
        let value = |ty: u16| record(Kind::TraceValue, ty, 5, &[1, 7, 8, 9, 1]);
        refused(&value(Type::I64 as u16), &value(ty), Violation::Kind);
        let item = |ty: u64| event(&[ty | 5 << 32, 1]);
        refused(&item(Type::I64 as u64), &item(u64::from(ty)), Violation::Kind);
    }
}

#[test]
fn a_flag_that_a_kind_cannot_have_is_refused() {
    for good in [event(&[]), link(&[])] {
        refused(&good, &with_flag(&good, Attr::STAMPED), Violation::Kind);
    }
    let good = record(Kind::Attr, Type::I64 as u16, 5, &[OWN, 1]);
    refused(&good, &with_flag(&good, Attr::MORE), Violation::Kind);
}

#[test]
fn a_name_is_in_the_dictionary_of_its_process() {
    let named = [
        begin(),
        record(Kind::Attr, Type::I64 as u16, 5, &[OWN, 1]),
        event(&[]),
        record(Kind::Rename, 0, 5, &[OWN]),
        record(Kind::TraceValue, Type::I64 as u16, 5, &[1, 7, 8, 9, 1]),
    ];
    for good in named {
        refused(&good, &with_word(&good, 0, Header(good[0]).with_aux(100).0), Violation::Name);
    }
    let item = |key: u64| link(&[Type::I64 as u64 | key << 32, 1]);
    refused(&item(5), &item(100), Violation::Name);
}

#[test]
fn a_text_is_within_its_record() {
    let inline = [
        record(Kind::Begin, Begin::INLINE, 8, &[OWN, 0, 7, 8, 9, 0]),
        record(Kind::Attr, Type::I64 as u16 | Attr::INLINE, 8, &[OWN, 0, 1]),
        record(Kind::Event, Event::INLINE, 8, &[OWN, 9, 0, 0]),
        record(Kind::Rename, Rename::INLINE, 8, &[OWN, 0]),
        record(Kind::TraceValue, Type::I64 as u16 | TraceValue::INLINE, 8, &[1, 7, 8, 9, 0, 1]),
        record(Kind::Status, 2, 8, &[OWN, 0]),
        record(Kind::ThreadStart, 0, 8, &[1, 0]),
    ];
    for good in inline {
        // Of the next length, and of one whose rounding up would overflow.
        for len in [32, u32::MAX] {
            refused(&good, &with_word(&good, 0, Header(good[0]).with_aux(len).0), Violation::Length);
        }
        // A shorter text leaves a word that nothing explains, in an event an item without a type. In a Begin it is a fan-out.
        if Header(good[0]).kind() == Some(Kind::Begin) {
            continue;
        }
        let is_event = Header(good[0]).kind() == Some(Kind::Event);
        let why = if is_event { Violation::Kind } else { Violation::Length };
        refused(&good, &with_word(&good, 0, Header(good[0]).with_aux(0).0), why);
    }
    for ty in [Type::Str, Type::I64s, Type::Strs] {
        let attr = |len| record(Kind::Attr, ty as u16, 5, &[OWN, lengths(len, len), 0]);
        let value = |len| record(Kind::TraceValue, ty as u16, 5, &[1, 7, 8, 9, lengths(len, len), 0]);
        let item = |len| event(&[ty as u64 | 5 << 32, lengths(len, len), 0]);
        let key = |len: u64| link(&[Type::I64 as u64 | u64::from(Attr::INLINE) | len << 32, 0, 1]);
        for len in [0, 9, 17] {
            refused(&attr(8), &attr(len), Violation::Length);
            refused(&value(8), &value(len), Violation::Length);
        }
        refused(&item(8), &item(9), Violation::Length);
        refused(&key(8), &key(17), Violation::Length);
    }
}

#[test]
fn a_record_has_its_words_and_no_more() {
    let mut records = records();
    records.extend(about_a_span());
    for good in records {
        refused(&good, &good[..good.len() - 1], Violation::Length);
        // Its kind reads the word that is too much as an item: one without a type.
        let is_open = matches!(Header(good[0]).kind(), Some(Kind::Event | Kind::Link | Kind::More));
        let why = if is_open { Violation::Kind } else { Violation::Length };
        refused(&good, &[&good[..], &[0]].concat(), why);
    }
}

#[test]
fn a_name_of_a_thread_or_of_a_span_has_a_limit() {
    let thread = |len: usize, words| record(Kind::ThreadStart, 0, len as u32, &[&[1], &vec![0; words][..]].concat());
    let most = ThreadStart::MAX_NAME_BYTES;
    refused(&thread(most, most / 8), &thread(most + 1, most / 8), Violation::Length);
    refused(&thread(most, most / 8), &thread(most + 1, most / 8 + 1), Violation::Length);
    // A shard lets no record pass that is longer than this.
    let name =
        |len: usize, words| record(Kind::Rename, Rename::INLINE, len as u32, &[&[OWN], &vec![0; words][..]].concat());
    let most = MAX_RECORD_BYTES as usize;
    refused(&name(most, most / 8), &name(most + 1, most / 8), Violation::Length);
}

#[test]
fn of_an_item_the_type_is_checked_before_the_key() {
    let item = |ty: u64, key: u64| event(&[ty | key << 32, 1]);
    refused(&item(Type::I64 as u64, 5), &item(0, 100), Violation::Kind);
}

#[test]
fn a_tracestate_is_a_text_of_its_length_in_the_form_that_is_printed() {
    let text = |text: &[u8; 8], len: u32| record(Kind::Tracestate, 0, len, &[OWN, u64::from_ne_bytes(*text)]);
    let good = text(b"vendor=1", 8);
    refused(&good, &text(b"vendor=1", 9), Violation::Length);
    refused(&good, &text(b"vendor=\xff", 8), Violation::Tracestate);
    refused(&good, &text(b"vendor=,", 8), Violation::Tracestate);
    refused(&good, &text(b"vendor=1", 7), Violation::Tracestate);
}

/// A text of `len` bytes, of which the first 8 are in the Attr.
fn beginning(len: usize) -> Vec<u64> {
    record(Kind::Attr, Type::Str as u16 | Attr::MORE, 5, &[OWN, lengths(len, len), 0])
}

fn chunk(len: u32, flags: u16, words: usize) -> Vec<u64> {
    record(Kind::Chunk, flags, len, &vec![0; words])
}

/// Whether a record passes while so many bytes of a long value are due, and how many are due then.
fn while_due(rest: u64, record: &[u64]) -> Result<u64, Violation> {
    let mut left = rest;
    check(&mut record.to_vec(), &mut left, &mut Process).map(|()| left)
}

#[test]
fn the_beginning_of_a_long_value_leaves_something_to_come_within_the_limit() {
    assert_eq!(while_due(0, &beginning(24)), Ok(16));
    assert_eq!(while_due(0, &beginning(9)), Ok(1));
    assert_eq!(while_due(0, &beginning(8)), Err(Violation::Length));
    let most = Process.max_value();
    assert_eq!(while_due(0, &beginning(most)), Ok(most as u64 - 8));
    assert_eq!(while_due(0, &beginning(most + 1)), Err(Violation::Length));
}

#[test]
fn a_chunk_is_as_long_as_its_bytes_and_as_what_is_due() {
    let more = Attr::MORE;
    assert_eq!(while_due(24, &chunk(8, more, 1)), Ok(16));
    assert_eq!(while_due(8, &chunk(8, 0, 1)), Ok(0));
    assert_eq!(while_due(24, &chunk(8, more, 2)), Err(Violation::Length), "a word too much");
    assert_eq!(while_due(24, &chunk(16, more, 1)), Err(Violation::Length), "a word too few");
    assert_eq!(while_due(24, &chunk(0, more, 0)), Err(Violation::Length), "empty");
    assert_eq!(while_due(8, &chunk(16, 0, 2)), Err(Violation::Length), "more than is due");
    assert_eq!(while_due(24, &chunk(8, 0, 1)), Err(Violation::Length), "ends too early");
    assert_eq!(while_due(8, &chunk(8, more, 1)), Err(Violation::Length), "goes on behind the end");
}

#[test]
fn while_chunks_are_due_nothing_else_comes_and_else_no_chunk() {
    for other in records() {
        assert_eq!(while_due(0, &other), Ok(0));
        assert_eq!(while_due(8, &other), Err(Violation::Length), "{other:x?}");
    }
    assert_eq!(while_due(0, &chunk(8, 0, 1)), Err(Violation::Length));
}
