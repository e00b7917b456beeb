//! Each record as it is written, read and checked, and the coverage of the fingerprint.
#![allow(clippy::unwrap_used)]

mod refusals;

use super::fingerprint::{of_kind, PARTS};
use super::*;
use crate::mark_kind::MarkKind;
use crate::{SpanId, TraceId, Value};

const TRACE: TraceId = TraceId { hi: 7, lo: 8 };

/// A process whose spans have ids above 1000, whose name `n` is this process's `n + 100`, and whose clock is always at
/// 50.
struct Process;

impl Origin for Process {
    fn owns(&self, span: u64) -> bool {
        span > 1000
    }

    fn owns_here(&self, span: u64) -> bool {
        span > 2000
    }

    fn clamped(&self, _: u64) -> u64 {
        50
    }

    fn clamped_length(&self, _: u64, length: u64) -> u64 {
        length.min(40)
    }

    fn age(&self, _: u64) -> u64 {
        5
    }

    fn name(&mut self, id: u32) -> Result<u32, Violation> {
        if id < 100 {
            Ok(id + 100)
        } else {
            Err(Violation::Name)
        }
    }

    fn is_tracestate(&self, text: &str) -> bool {
        text == "vendor=1"
    }

    fn max_value(&self) -> usize {
        10_000
    }
}

fn checked(record: &[u64]) -> Result<Vec<u64>, Violation> {
    let mut record = record.to_vec();
    check(&mut record, &mut 0, &mut Process).map(|()| record)
}

fn written(put: impl FnOnce(&mut Vec<u64>)) -> Vec<u64> {
    let mut words = Vec::new();
    put(&mut words);
    assert_eq!(Header::of(&words).map(Header::words), Some(words.len()));
    words
}

/// Records of each kind, with and without their optional parts.
fn records() -> Vec<Vec<u64>> {
    let (text, number) = (Value::from("some text"), Value::from(5));
    let (text, number) = (Encoded::new(&text), Encoded::new(&number));
    let names = [WireName::Id(5), WireName::Inline("a name")];
    let begin = Begin { flags: 1, name: 5, propagated: 9, parent: 1003, trace: TRACE, tick: 9 };
    let mut records = vec![
        begin.record(2001).to_vec(),
        begin.record_in_fan(2001, 77).to_vec(),
        Strand { ends: false, span: 5, fan: 7 }.record().to_vec(),
        Strand { ends: true, span: 5, fan: 7 }.record().to_vec(),
        Mark::poll(2001, 0, 9, 3).to_vec(),
        End { flags: End::ESCAPED, dropped: 3, span: 2001, tick: 9 }.record().to_vec(),
        written(|out| {
            out.start(begin.before_name(2001, 6));
            out.bytes(b"a name");
        }),
        written(|out| {
            out.start(begin.before_name_in_fan(2001, 77, 6));
            out.bytes(b"a name");
        }),
        written(|out| {
            out.start(ThreadStart { thread: 4, name: "main" }.before_name());
            out.bytes(b"main");
        }),
        written(|out| {
            out.start(Tracestate::before_text(2001, 8));
            out.bytes(b"vendor=1");
        }),
    ];
    for kind in MarkKind::ALL.iter().filter(|kind| !kind.is_collectors()) {
        for (fields, text) in [([0; 4], ""), ([1, 0, 3, 0], "a name"), ([1, 2, 3, 4], "pool")] {
            let length = if kind.has_length() { 9 } else { 0 };
            let mark = Mark { kind: *kind, flags: 0, span: 2001, tick: 9, length, fields };
            records.push(written(|out| {
                out.extend(mark.before_text(text.len()).as_slice());
                out.bytes(text.as_bytes());
            }));
        }
    }
    for key in names {
        for tick in [None, Some(9)] {
            for value in [&text, &number] {
                let attr = Attr { span: 2001, tick, key };
                records.push(written(|out| attr.split(value, 4096).unwrap().put(out)));
            }
            records.push(written(|out| Rename { span: 2001, tick, name: key }.put(out)));
            records.push(written(|out| Status { span: 2001, tick, is_ok: false, text: "failed" }.put(out)));
        }
        let item = |value| Item { key, value: Encoded::new(value) };
        let values = [Value::from("some text"), Value::from(5)];
        let items: Vec<_> = values.iter().map(item).collect();
        let bytes = items.iter().map(Item::len).sum();
        let event = Event { span: 2001, tick: 9, dropped: 2, name: key };
        records.push(written(|out| event.put(&items, bytes, out)));
        let mores = Mores { more: More { span: 2001 }, items: &items, max: 4096 };
        records.push(written(|out| mores.put(out)));
        for tracestate in ["", "vendor=1"] {
            records.push(written(|out| link(9, tracestate).put(&items, bytes, out)));
        }
        let value = TraceValue { span: SpanId(1), trace: TRACE, tick: 9, is_remote: true, arrived: false, key };
        records.push(written(|out| value.put(&text, out)));
    }
    records
}

#[test]
fn what_is_written_passes_the_check_and_one_word_more_or_less_does_not() {
    for record in records() {
        let kind = Header(record[0]).kind().unwrap();
        assert!(checked(&record).is_ok(), "{kind:?} {record:x?}");
        assert!(checked(&record[..record.len() - 1]).is_err(), "{kind:?} {record:x?}");
        let longer: Vec<u64> = record.iter().copied().chain([0]).collect();
        assert!(checked(&longer).is_err(), "{kind:?} {record:x?}");
    }
}

#[test]
fn the_check_replaces_names_and_stamps() {
    for record in records() {
        let checked = checked(&record).unwrap();
        let (header, before) = (Header(checked[0]), Header(record[0]));
        match before.kind().unwrap() {
            Kind::Begin => {
                let (span, begin, fan, name) = Begin::read(&checked).unwrap();
                assert!(fan == 77 || fan == 0 && before.words() == 6 + usize::from(name.is_some()));
                assert_eq!((span, begin.parent, begin.trace, begin.tick), (2001, 1003, TRACE, 50));
                assert_eq!(begin.name, if name.is_some() { 6 } else { 105 });
                assert_eq!(begin.propagated, 0, "an index of the other process's table");
                assert_eq!(header.flags(), before.flags());
            }
            Kind::End => {
                let end = End::read(&checked).unwrap();
                assert_eq!((end.span, end.tick, end.dropped, end.flags), (2001, 50, 3, End::ESCAPED));
            }
            Kind::Attr => {
                let (attr, value) = Attr::read(&checked).unwrap();
                let AttrValue::Whole(value) = value else { panic!("{value:?}") };
                assert_eq!(attr.tick, if before.has(Attr::STAMPED) { Some(50) } else { None });
                is_translated(attr.key);
                is_one_of_both(value);
            }
            Kind::Rename => {
                let rename = Rename::read(&checked).unwrap();
                assert_eq!(rename.tick, if before.has(Rename::STAMPED) { Some(50) } else { None });
                is_translated(rename.name);
            }
            Kind::Status => {
                let status = Status::read(&checked).unwrap();
                assert_eq!(status.tick, if before.has(Status::STAMPED) { Some(50) } else { None });
                assert_eq!((status.is_ok, status.text.to_vec().as_slice()), (false, &b"failed"[..]));
            }
            Kind::Event => {
                let (event, items) = Event::read(&checked).unwrap();
                assert_eq!((event.span, event.tick, event.dropped), (2001, 50, 2));
                is_translated(event.name);
                both_items(items);
            }
            Kind::Link => {
                let (link, items) = Link::read(&checked).unwrap();
                assert_eq!((link.trace, link.linked, link.trace_flags), (TRACE, SpanId(6), 1));
                assert_eq!((link.is_remote, link.dropped, link.propagated), (true, 2, 0));
                assert!(["", "vendor=1"].map(str::as_bytes).contains(&&*link.tracestate.to_vec()));
                both_items(items);
            }
            Kind::TraceValue => {
                let (record, value) = TraceValue::read(&checked).unwrap();
                assert_eq!((record.span, record.trace, record.tick, record.is_remote), (SpanId(1), TRACE, 50, true));
                is_translated(record.key);
                is_one_of_both(value);
            }
            Kind::ThreadStart => {
                let start = ThreadStart::read(&checked).unwrap();
                assert_eq!((start.thread, start.name.to_vec().as_slice()), (4, &b"main"[..]));
            }
            Kind::Tracestate => {
                let tracestate = Tracestate::read(&checked).unwrap();
                assert_eq!(tracestate.text.to_vec(), b"vendor=1");
            }
            Kind::More => {
                let (more, items) = More::read(&checked).unwrap();
                assert_eq!(more.span, 2001);
                both_items(items);
            }
            Kind::Mark => {
                let ((mark, text), (own, _)) = (Mark::read(&checked).unwrap(), Mark::read(&record).unwrap());
                let length = match own.kind {
                    MarkKind::LockTotals => 5,
                    kind if kind.has_length() => own.length.min(40),
                    _ => 0,
                };
                assert_eq!(mark, Mark { tick: 50, length, ..own });
                assert!(["", "a name", "pool"].map(str::as_bytes).contains(&&*text.to_vec()));
            }
            Kind::Strand => {
                let strand = Strand::read(&checked).unwrap();
                assert_eq!((strand.span, strand.fan, strand.ends), (5, 7, header.has(Strand::ENDS)));
            }
            Kind::Chunk => unreachable!("none without an Attr"),
            Kind::Skip => unreachable!("of one word"),
        }
    }
}

fn link(propagated: u16, tracestate: &str) -> Link<&str> {
    let (trace, linked) = (TRACE, SpanId(6));
    Link { span: 2001, trace, linked, trace_flags: 1, is_remote: true, dropped: 2, propagated, tracestate }
}

fn is_translated(name: WireName<Bytes<'_>>) {
    match name {
        WireName::Id(id) => assert_eq!(id, 105),
        WireName::Inline(text) => assert_eq!(text.to_vec(), b"a name"),
    }
}

fn is_one_of_both(value: Decoded<'_>) {
    match value {
        Decoded::Scalar(ty, bits) => assert_eq!((ty, bits), (Type::I64, 5)),
        Decoded::Bytes { ty, bytes, before } => {
            assert_eq!((ty, bytes.to_vec().as_slice(), before), (Type::Str, &b"some text"[..], 0));
        }
    }
}

fn both_items(mut items: Items<'_>) {
    let mut count = 0;
    while let Some(item) = items.read() {
        let (key, AttrValue::Whole(value)) = item.unwrap() else { panic!("it goes on") };
        is_translated(key);
        is_one_of_both(value);
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn the_short_ways_write_what_the_general_one_writes() {
    let general = |tick, value: Value<'_>| {
        written(|out| {
            let attr = Attr { span: 1, tick, key: WireName::Id(2) };
            attr.split(&Encoded::new(&value), 4096).unwrap().put(out);
        })
    };
    let with_text = |mut words: Vec<u64>| {
        words.bytes(b"some text");
        words
    };
    assert_eq!(general(None, 5.into()), Attr::scalar(1, 2, Type::I64, 5));
    assert_eq!(general(Some(3), 5.into()), Attr::stamped_scalar(1, 3, 2, Type::I64, 5));
    assert_eq!(general(None, "some text".into()), with_text(Attr::before_text(1, 2, 9).into()));
    assert_eq!(general(Some(3), "some text".into()), with_text(Attr::before_stamped_text(1, 3, 2, 9).into()));
    let value =
        TraceValue { span: SpanId(1), trace: TRACE, tick: 3, is_remote: true, arrived: true, key: WireName::Id(2) };
    let text = Value::from("some text");
    assert_eq!(written(|out| value.put(&Encoded::new(&text), out)), with_text(value.before_text(9).into()));
}

#[test]
fn a_long_value_is_split_and_its_parts_pass_the_check_in_their_order_only() {
    let long = Value::from("x".repeat(1000));
    let value = Encoded::new(&long);
    let attr = Attr { span: 2001, tick: Some(9), key: WireName::Inline("key") };
    let records = attr.split(&value, 128).unwrap();
    let mut words = Vec::new();
    records.put(&mut words);
    assert_eq!(records.bytes(), 8 * words.len() as u64);
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < words.len() {
        let len = Header(words[at]).words();
        assert!(len <= 128 / 8);
        parts.push(words[at..at + len].to_vec());
        at += len;
    }
    let (mut rest, mut read, mut process) = (0, Vec::new(), Process);
    for (n, part) in parts.iter().enumerate() {
        let mut wrong = if n > 1 { parts[n - 1][..3].to_vec() } else { parts[1 - n].clone() };
        assert!(check(&mut wrong, &mut rest.clone(), &mut process).is_err(), "part {n} was not due");
        let mut part = part.clone();
        check(&mut part, &mut rest, &mut process).unwrap();
        if n == 0 {
            let Some((_, AttrValue::Beginning(value))) = Attr::read(&part) else { panic!("{part:x?}") };
            assert_eq!(value.len, 1000);
            read = value.bytes.to_vec();
        } else {
            let chunk = Chunk::read(&part).unwrap();
            assert_eq!(chunk.more, n + 1 < parts.len());
            read.extend(chunk.bytes.to_vec());
        }
    }
    assert_eq!((rest, read), (0, "x".repeat(1000).into_bytes()));
}

/// The attributes in records of at most `max` bytes, after the check of each.
fn through_mores(items: &[Item<'_>], max: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mores = Mores { more: More { span: 2001 }, items, max };
    let mut words = Vec::new();
    mores.put(&mut words);
    assert_eq!(mores.bytes(), 8 * words.len() as u64);
    let (mut at, mut rest, mut process) = (0, 0, Process);
    let mut read: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let key = |key: WireName<Bytes<'_>>| match key {
        WireName::Id(id) => (id - 100).to_ne_bytes().to_vec(),
        WireName::Inline(text) => text.to_vec(),
    };
    while at < words.len() {
        let mut record = words[at..at + Header(words[at]).words()].to_vec();
        at += record.len();
        assert!(8 * record.len() as u64 <= max);
        check(&mut record, &mut rest, &mut process).unwrap();
        if let Some(chunk) = (Header(record[0]).kind() == Some(Kind::Chunk)).then(|| Chunk::read(&record).unwrap()) {
            read.last_mut().unwrap().1.extend(chunk.bytes.to_vec());
            continue;
        }
        let (_, mut items) = More::read(&record).unwrap();
        let before = read.len();
        while let Some(item) = items.read() {
            read.push(match item.unwrap() {
                (name, AttrValue::Whole(Decoded::Scalar(_, bits))) => (key(name), bits.to_ne_bytes().to_vec()),
                (name, AttrValue::Whole(Decoded::Bytes { bytes, .. })) => (key(name), bytes.to_vec()),
                (name, AttrValue::Beginning(beginning)) => {
                    assert!(rest > 0 && beginning.len as u64 > rest);
                    (key(name), beginning.bytes.to_vec())
                }
            });
        }
        assert!(read.len() > before, "no record is empty");
    }
    assert_eq!(rest, 0, "the last value is complete");
    read
}

#[test]
fn attributes_of_any_length_go_through_records_of_any_length() {
    for (max, step) in [(128, 1), (256, 7), (4096, 97)] {
        for len in (0..(3 * max as usize).min(10_000)).step_by(step) {
            let long = Value::from("x".repeat(len));
            let values = [&long, &Value::from(5), &Value::from("role"), &long, &Value::from(true)];
            let keys =
                [WireName::Id(5), WireName::Inline("a key"), WireName::Id(6), WireName::Inline("k"), WireName::Id(5)];
            let items: Vec<_> =
                keys.into_iter().zip(values).map(|(key, value)| Item { key, value: Encoded::new(value) }).collect();
            let expected: Vec<_> = items
                .iter()
                .map(|item| {
                    let key = match item.key {
                        WireName::Id(id) => id.to_ne_bytes().to_vec(),
                        WireName::Inline(text) => text.as_bytes().to_vec(),
                    };
                    match item.value {
                        Encoded::Scalar(_, bits) => (key, bits.to_ne_bytes().to_vec()),
                        Encoded::Bytes { ref bytes, .. } => (key, bytes.to_vec()),
                    }
                })
                .collect();
            assert_eq!(through_mores(&items, max), expected, "{len} bytes in records of {max}");
        }
    }
}

#[test]
fn only_the_last_attribute_of_a_more_goes_on() {
    let long = Value::from("x".repeat(1000));
    let items = [Item { key: WireName::Id(5), value: Encoded::new(&long) }];
    let mut words = Vec::new();
    Mores { more: More { span: 2001 }, items: &items, max: 128 }.put(&mut words);
    let mut more = words[..16].to_vec();
    let mut rest = 0;
    check(&mut more, &mut rest, &mut Process).unwrap();
    assert_eq!(rest, 1000 - (128 - 32));
    // Without the flag in the header; as an Event.
    let without = |flag: u16, kind: Kind, words: &[u64]| {
        let header = Header(words[0]);
        let mut words = words.to_vec();
        words[0] = Header::of_parts(kind as u8, header.words() as u64, header.flags() & !flag, 5).0;
        check(&mut words, &mut 0, &mut Process)
    };
    assert_eq!(without(More::MORE, Kind::More, &words[..16]), Err(Violation::Length));
    let event = [&[words[0], words[1], 9, 0][..], &words[2..14]].concat();
    assert_eq!(without(More::MORE, Kind::Event, &event), Err(Violation::Length));
    // Of a value that would be longer than the ring, or that is complete.
    for len in [1 << 30, 96, 10] {
        let mut wrong = words[..16].to_vec();
        wrong[3] = len;
        assert!(check(&mut wrong, &mut 0, &mut Process).is_err(), "{len}");
    }
}

/// The kinds of records, with their names and flags.
fn kinds() -> impl Iterator<Item = (&'static str, &'static [Number])> {
    Kind::NUMBERS.iter().map(|(name, number)| {
        let kind = Kind::of(*number as u8).unwrap();
        assert_eq!(kind as u64, *number);
        (*name, of_kind(kind).0)
    })
}

#[test]
fn a_flag_has_one_meaning_in_a_record_and_leaves_the_low_bits_alone() {
    for (kind, flags) in kinds() {
        // A type of a value takes four bits, a kind of a span three.
        let lowest = if kind == "Begin" { 8 } else { 16 };
        let bits: Vec<u64> = flags.iter().map(|(_, flag)| *flag).filter(|flag| *flag > 2).collect();
        assert!(bits.iter().all(|flag| flag.is_power_of_two() && (lowest..4096).contains(flag)), "{kind}: {flags:?}");
        assert_eq!(bits.iter().fold(0, |all, flag| all | flag), bits.iter().sum::<u64>(), "{kind}: {flags:?}");
    }
}

#[test]
fn the_page_on_the_format_has_each_kind_type_and_flag() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/shm-format.md")).unwrap();
    for (name, number) in Kind::NUMBERS {
        assert!(page.contains(&format!("{number} {name}")), "kind {number}, {name}");
    }
    for (name, number) in Type::NUMBERS {
        assert!(page.contains(&format!("{number} {name}")), "type {number}, {name}");
    }
    let item = ("item", Item::FLAGS);
    for (kind, flags) in kinds().chain([item]) {
        for (name, flag) in flags.iter().filter(|(_, flag)| *flag > 2) {
            let bit = flag.trailing_zeros().to_string();
            let mut rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
            let is_there = rows.any(|row| row.get(1) == Some(&&*bit) && row[2].split(", ").any(|known| known == kind));
            assert!(is_there, "bit {bit} of {kind}: {name}");
        }
    }
}

/// The fingerprint after one number or word of a part was changed.
fn changed(part: usize, at: usize, change: impl Fn(u64) -> u64) -> u64 {
    let mut parts = PARTS;
    let mut numbers = Vec::new();
    let mut words = Vec::new();
    match PARTS[part] {
        Part::Numbers(all) => numbers = all.to_vec(),
        Part::Sample(all) => words = all.to_vec(),
    }
    if let Some((_, number)) = numbers.get_mut(at) {
        *number = change(*number);
    }
    if let Some(word) = words.get_mut(at) {
        *word = change(*word);
    }
    parts[part] = if words.is_empty() { Part::Numbers(&numbers) } else { Part::Sample(&words) };
    hash(&parts)
}

#[test]
fn the_fingerprint_covers_each_kind_type_flag_and_header_word() {
    assert_eq!(hash(&PARTS), FINGERPRINT);
    let mut names = Vec::new();
    for (part, content) in PARTS.iter().enumerate() {
        let len = match content {
            Part::Numbers(numbers) => {
                names.extend(numbers.iter().map(|(name, _)| *name));
                numbers.len()
            }
            Part::Sample(words) => {
                assert!(!words.is_empty());
                words.len()
            }
        };
        for at in 0..len {
            assert_ne!(changed(part, at, |number| number + 1), FINGERPRINT, "{content:?}, {at}");
            assert_ne!(changed(part, at, |number| number << 1 | 1), FINGERPRINT, "{content:?}, {at}");
        }
    }
    for name in ["Begin", "TraceValue", "Strs", "INLINE", "CUT", "MORE", "STAMPED", "ELSEWHERE", "FLAGS_AT", "Client"] {
        assert!(names.contains(&name), "{name} is not covered");
    }
}

#[test]
fn two_numbers_that_change_places_change_the_fingerprint() {
    let mut kinds = Kind::NUMBERS.to_vec();
    let (first, second) = (kinds[2].1, kinds[3].1);
    (kinds[2].1, kinds[3].1) = (second, first);
    let mut renumbered = kinds.clone();
    renumbered.swap(2, 3);
    for kinds in [kinds, renumbered] {
        let parts = PARTS.map(|part| match part {
            Part::Numbers(numbers) if numbers == Kind::NUMBERS => Part::Numbers(&kinds),
            part => part,
        });
        assert_ne!(hash(&parts), FINGERPRINT);
    }
}

#[test]
fn a_begin_is_of_its_shard_and_has_a_trace() {
    let begin = Begin { flags: 0, name: 5, propagated: 0, parent: 0, trace: TRACE, tick: 9 };
    assert_eq!(checked(&begin.record(1001)), Err(Violation::Forged), "another shard's");
    assert_eq!(checked(&begin.record(2002)), Err(Violation::Forged), "even");
    let untraced = Begin { trace: TraceId { hi: 0, lo: 0 }, ..begin };
    assert_eq!(checked(&untraced.record(2001)), Err(Violation::Forged));
    let remote = Begin { parent: 3, ..begin };
    assert!(Header(checked(&remote.record(2001)).unwrap()[0]).has(Begin::PARENT_REMOTE));
    let unnamed = Begin { name: 100, ..begin };
    assert_eq!(checked(&unnamed.record(2001)), Err(Violation::Name));
}

#[test]
fn a_skip_is_one_word_that_no_other_record_has() {
    for bytes in [8, 8 * 4096, 1 << 30, 8 * u64::from(u32::MAX)] {
        let word = Skip { bytes }.record()[0];
        assert_eq!(Skip::read(word).map(|skip| skip.bytes), Some(bytes));
        assert_eq!((Header(word).kind(), Header(word).words()), (Some(Kind::Skip), 0));
        assert_eq!(checked(&[word]), Ok(vec![word]));
        // With a flag, a length, or as another kind; one that leads nowhere.
        let of = |kind, words, flags, aux| Header::of_parts(kind, words, flags, aux).0;
        let (kind, words) = (Kind::Skip as u8, (bytes / 8) as u32);
        for word in
            [of(kind, 0, 1, words), of(kind, 1, 0, words), of(Kind::Chunk as u8, 0, 0, words), of(kind, 0, 0, 0)]
        {
            assert!(Skip::read(word).is_none());
            assert!(checked(&[word]).is_err(), "{word:x}");
        }
    }
    assert!(records().iter().all(|record| Skip::read(record[0]).is_none()));
    let (mut record, mut rest) = (vec![Skip { bytes: 8 }.record()[0]], 8);
    assert_eq!(check(&mut record, &mut rest, &mut Process), Err(Violation::Length), "in the middle of a value");
}
