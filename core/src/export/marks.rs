//! Marks in a format that any exporter of spans can carry: two attributes of one span, an array of integers and one of texts.
//!
//! The *carrier* is a span of the same process; which one doesn't matter. For each mark the integers have, in this order:
//!
//! | integer | when |
//! |---|---|
//! | kind + (present << 8) | always; the bits of `present` say which of the others follow |
//! | the thread's id | bit 0; else it is that of the mark before |
//! | the thread's name, as an index into the texts | bit 8; once for each thread |
//! | the span | bit 1 |
//! | the time minus that of the mark before (of the first: minus the carrier's start), in nanoseconds | always |
//! | the length in nanoseconds, `a`, `b`, `c`, `d` | bits 2 to 6; else they are zero |
//! | the text, as an index into the texts | bit 7; else it is empty |
//!
//! Ids are unsigned, and the integers have their bits. The numbers of the kinds are those of [`MarkKind`].

use super::{Lane, MarkData, MarkRef, SpanRef};
use crate::mark_kind::MarkKind;
use crate::{SpanId, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The key of the attribute with the integers.
pub const MARKS: &str = "heirloom.marks";
/// The key of the attribute with the texts.
pub const TEXTS: &str = "heirloom.marks.texts";
/// The key of the attribute with the id of the fan-out of a span.
pub const FAN_OUT: &str = "heirloom.fan_out";
/// The key of the attribute of a span that doesn't [nest](SpanRef::is_nested) in its lane: `false`. One with polls doesn't have it.
pub const NESTED: &str = "heirloom.nested";
/// The key of the attribute that says how often a span was polled.
pub const POLLS: &str = "heirloom.polls";

const THREAD: u64 = 1;
const SPAN: u64 = 1 << 1;
const LENGTH: u64 = 1 << 2;
const FIELDS: [u64; 4] = [1 << 3, 1 << 4, 1 << 5, 1 << 6];
const TEXT: u64 = 1 << 7;
const THREAD_NAME: u64 = 1 << 8;
const ALL: u64 = (THREAD_NAME << 1) - 1;
/// The lowest bit of `present` in the first integer of a mark.
const PRESENT_AT: u32 = 8;

/// Marks as two arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedMarks<'a> {
    /// The value of [`MARKS`].
    pub numbers: Vec<i64>,
    /// The value of [`TEXTS`]; empty if no mark and no thread has a text.
    pub texts: Vec<Cow<'a, str>>,
}

/// Packs the marks of one process for a carrier that starts at this time. [`unpack`] reads them back.
///
/// Cost: 3 to 11 integers for each mark, usually 5; allocates the two arrays.
pub fn pack<'a>(marks: impl IntoIterator<Item = MarkRef<'a>>, start_ns: u64) -> PackedMarks<'a> {
    let mut packer = Packer { packed: PackedMarks::default(), at: HashMap::new(), threads: HashMap::new() };
    let (mut thread, mut time_ns) = (None, start_ns);
    for mark in marks {
        let lane = mark.lane();
        let new_thread = (thread != Some(lane.thread_id)).then_some(lane.thread_id);
        (thread, time_ns) = (Some(lane.thread_id), packer.mark(&mark, new_thread, time_ns));
    }
    packer.packed
}

/// The attributes that a span gets for what only an analysis needs: its fan-out, the marks that it [carries], and that it left its
/// lane. Few spans have any.
///
/// [carries]: SpanRef::carried_marks
pub fn attributes<'a>(span: &SpanRef<'a>, mut add: impl FnMut(&'static str, Value<'a>)) {
    if let Some(fan) = span.fan_out() {
        add(FAN_OUT, Value::I64(fan as i64));
    }
    if !span.is_nested() && span.attributes().all(|attribute| attribute.key != POLLS) {
        add(NESTED, Value::Bool(false));
    }
    let marks = span.carried_marks();
    if marks.len() > 0 {
        let PackedMarks { numbers, texts } = pack(marks, span.start_ns());
        add(MARKS, Value::I64s(numbers.into()));
        if !texts.is_empty() {
            add(TEXTS, Value::Strs(texts));
        }
    }
}

/// Whether [`attributes`] may add any.
#[inline]
pub fn has_attributes(span: &SpanRef<'_>) -> bool {
    !span.is_nested() || span.fan_out().is_some() || span.carried_marks().len() > 0
}

/// Marks that are being packed.
struct Packer<'a> {
    packed: PackedMarks<'a>,
    /// Where each text is.
    at: HashMap<&'a str, i64>,
    /// The names of threads that were written.
    threads: HashMap<u64, &'a str>,
}

impl<'a> Packer<'a> {
    /// Returns the mark's time.
    fn mark(&mut self, mark: &MarkRef<'a>, new_thread: Option<u64>, before_ns: u64) -> u64 {
        let numbers = &mut self.packed.numbers;
        let head = numbers.len();
        numbers.push(0);
        let mut present = 0;
        if let Some(thread) = new_thread {
            present |= THREAD;
            numbers.push(thread as i64);
            let name = &*mark.lane().thread_name;
            if !name.is_empty() && self.threads.insert(thread, name) != Some(name) {
                present |= THREAD_NAME;
                self.text(name);
            }
        }
        if let Some(span) = mark.span() {
            present |= SPAN;
            self.packed.numbers.push(span.to_u64() as i64);
        }
        let time_ns = mark.time_ns();
        self.packed.numbers.push(time_ns.wrapping_sub(before_ns) as i64);
        let values = [mark.length_ns(), mark.a(), mark.b(), mark.c(), mark.d()];
        for (value, bit) in values.into_iter().zip([LENGTH].into_iter().chain(FIELDS)) {
            if value != 0 {
                present |= bit;
                self.packed.numbers.push(value as i64);
            }
        }
        if !mark.text().is_empty() {
            present |= TEXT;
            self.text(mark.text());
        }
        self.packed.numbers[head] = (mark.kind() as u64 | present << PRESENT_AT) as i64;
        time_ns
    }

    fn text(&mut self, text: &'a str) {
        let texts = &mut self.packed.texts;
        let index = *self.at.entry(text).or_insert_with(|| {
            texts.push(Cow::Borrowed(text));
            texts.len() as i64 - 1
        });
        self.packed.numbers.push(index);
    }
}

/// Why packed marks can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackError {
    /// The index of the integer that is wrong, or that is missing.
    pub at: usize,
    what: &'static str,
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARKS}: integer {}: {}", self.at, self.what)
    }
}

impl std::error::Error for UnpackError {}

/// Reads packed marks back: of the process with this id, from a carrier that starts at this time. Marks of a kind that this version
/// doesn't know are left out.
///
/// # Errors
/// The integers end inside a mark, or one isn't what must be there. What was read up to it is lost too: the carrier was changed.
///
/// ```
/// use heirloom_core::export::marks::{pack, unpack};
/// use heirloom_core::export::Batch;
/// fn same(batch: &Batch, start_ns: u64, pid: u32) -> bool {
///     let packed = pack(batch.marks(), start_ns);
///     let read = unpack(&packed.numbers, &packed.texts, start_ns, pid).unwrap_or_default();
///     read.into_iter().eq(batch.marks().map(|mark| mark.to_data()))
/// }
/// ```
pub fn unpack<T: AsRef<str>>(
    numbers: &[i64],
    texts: &[T],
    start_ns: u64,
    process_id: u32,
) -> Result<Vec<MarkData>, UnpackError> {
    let texts: Vec<Arc<str>> = texts.iter().map(|text| text.as_ref().into()).collect();
    let none: Arc<str> = "".into();
    let mut reader = Reader { numbers, at: 0, texts: &texts };
    let (mut marks, mut lanes, mut lane, mut time_ns) = (Vec::new(), HashMap::new(), None, start_ns);
    while reader.at < numbers.len() {
        let head = reader.next()?;
        let (kind, present) = (head & 0xff, head >> PRESENT_AT);
        if present & !ALL != 0 || present & (THREAD | THREAD_NAME) == THREAD_NAME {
            return Err(reader.error("unknown fields of a mark"));
        }
        if present & THREAD != 0 {
            let thread_id = reader.next()?;
            let known: &mut Arc<Lane> = lanes
                .entry(thread_id)
                .or_insert_with(|| Arc::new(Lane { process_id, thread_id, thread_name: Arc::clone(&none) }));
            if present & THREAD_NAME != 0 {
                *known = Arc::new(Lane { process_id, thread_id, thread_name: reader.text()? });
            }
            lane = Some(Arc::clone(known));
        }
        let Some(lane) = &lane else { return Err(reader.error("the first mark has no thread")) };
        let span = SpanId::from_u64(reader.next_if(present & SPAN)?);
        time_ns = time_ns.wrapping_add(reader.next()?);
        let length_ns = reader.next_if(present & LENGTH)?;
        let mut fields = [0; 4];
        for (field, bit) in fields.iter_mut().zip(FIELDS) {
            *field = reader.next_if(present & bit)?;
        }
        let text = if present & TEXT != 0 { reader.text()? } else { Arc::clone(&none) };
        let Some(kind) = MarkKind::of(kind) else { continue };
        let (span, [a, b, c, d]) = (span.is_valid().then_some(span), fields);
        marks.push(MarkData { kind, lane: Arc::clone(lane), span, time_ns, length_ns, a, b, c, d, text });
    }
    Ok(marks)
}

/// Integers that are being read.
struct Reader<'a> {
    numbers: &'a [i64],
    at: usize,
    texts: &'a [Arc<str>],
}

impl Reader<'_> {
    fn next(&mut self) -> Result<u64, UnpackError> {
        self.at += 1;
        match self.numbers.get(self.at - 1) {
            Some(number) => Ok(*number as u64),
            None => Err(self.error("missing, in the middle of a mark")),
        }
    }

    fn next_if(&mut self, is_there: u64) -> Result<u64, UnpackError> {
        if is_there == 0 {
            return Ok(0);
        }
        self.next()
    }

    fn text(&mut self) -> Result<Arc<str>, UnpackError> {
        let index = self.next()?;
        let text = usize::try_from(index).ok().and_then(|index| self.texts.get(index));
        text.cloned().ok_or_else(|| self.error("the index of a text that is not there"))
    }

    /// An error at the integer that was read last.
    fn error(&self, what: &'static str) -> UnpackError {
        UnpackError { at: self.at - 1, what }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{batch_with_marks, lane, mark};
    use super::*;

    /// Marks with each field present and absent.
    fn all_kinds() -> Vec<MarkData> {
        let mut marks = Vec::new();
        for (n, kind) in MarkKind::ALL.iter().enumerate() {
            for bits in 0..1 << 7 {
                let of = |bit: u32| if bits >> bit & 1 == 1 { u64::MAX - u64::from(bit) } else { 0 };
                let time_ns = if n % 2 == 0 { 1_000 + bits } else { 500 - bits };
                marks.push(MarkData {
                    span: (of(0) != 0).then_some(SpanId::from_u64(of(0))),
                    length_ns: of(1),
                    a: of(2),
                    b: of(3),
                    c: of(4),
                    d: of(5),
                    text: if of(6) == 0 { "".into() } else { format!("text {}", bits % 5).into() },
                    ..mark(*kind, &lane(bits % 3), time_ns)
                });
            }
        }
        marks
    }

    #[test]
    fn marks_are_read_back_as_they_were_packed() {
        let marks = all_kinds();
        let batch = batch_with_marks(&[], &marks);
        for start_ns in [0, 700, u64::MAX] {
            let packed = pack(batch.marks(), start_ns);
            assert_eq!(unpack(&packed.numbers, &packed.texts, start_ns, lane(1).process_id).unwrap(), marks);
            assert_eq!(packed.texts.len(), 5 + 3, "each text once, and each thread's name");
        }
    }

    #[test]
    fn a_poll_takes_five_integers() {
        let marks: Vec<_> = (0..100)
            .map(|n| MarkData {
                span: Some(SpanId::from_u64(7)),
                length_ns: 3,
                ..mark(MarkKind::Poll, &lane(1), 1_000 + n)
            })
            .collect();
        let batch = batch_with_marks(&[], &marks);
        assert_eq!(pack(batch.marks(), 0).numbers.len(), 2 + 4 * 100);
    }

    #[test]
    fn any_integers_are_read_or_refused_and_none_panics() {
        let batch = batch_with_marks(&[], &all_kinds());
        let packed = pack(batch.marks(), 0);
        for cut in 0..40 {
            let _ = unpack(&packed.numbers[..cut], &packed.texts, 0, 1);
        }
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut numbers = packed.numbers[..60].to_vec();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            numbers[(seed >> 33) as usize % 60] = (seed >> (seed % 60)) as i64;
            let _ = unpack(&numbers, &packed.texts, 0, 1);
        }
        let error = |numbers: &[i64]| unpack::<&str>(numbers, &[], 0, 1).unwrap_err().to_string();
        assert_eq!(error(&[9]), "heirloom.marks: integer 0: the first mark has no thread");
        assert_eq!(error(&[9 | 1 << 8, 5]), "heirloom.marks: integer 2: missing, in the middle of a mark");
        let text = error(&[9 | 0x81 << 8, 5, 1, 3]);
        assert_eq!(text, "heirloom.marks: integer 3: the index of a text that is not there");
        assert_eq!(error(&[9 | 1 << 20, 5, 1]), "heirloom.marks: integer 0: unknown fields of a mark");
    }

    #[test]
    fn a_kind_of_a_later_version_is_left_out() {
        let read = unpack::<&str>(&[200 | 1 << 8, 5, 10, 9, 1], &[], 100, 1).unwrap();
        assert_eq!(read.iter().map(|mark| (mark.kind, mark.time_ns)).collect::<Vec<_>>(), [(MarkKind::Poll, 111)]);
    }
}
