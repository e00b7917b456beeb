//! [`Plain`]: everything as it was recorded, with attributes for facts that have no field in OTLP.

use super::attributes::{Attributes, Truncated};
use super::lanes::Lanes;
use super::mapping::{Fields, Mapping};
use heirloom_core::export::{marks, Lane, SpanRef};
use heirloom_core::Value;

/// Changes nothing, and adds attributes for facts that have no field in OTLP. If the span itself has such an attribute, that one
/// stays.
///
/// | attribute | value |
/// |---|---|
/// | `heirloom.truncated` | `key=bytes` for each value that was cut, with its size before; of events and links too |
/// | `heirloom.incomplete` | `true`: the span was still open when the tracer finished |
/// | `heirloom.aborted` | `true`: the span was still open when its process ended |
/// | `heirloom.dropped_children` | the number of spans that a full queue refused and whose nearest sent ancestor is this span |
/// | `thread.id`, `thread.name` | the thread that started the span ([conventions]) |
/// | `process.pid` | the process, if it isn't that of the resource |
/// | `heirloom.fan_out` | the id of the fan-out to which the span belongs |
/// | `heirloom.nested` | `false`: it doesn't [nest](SpanRef::is_nested) in its thread's other spans, for example since it ended on another thread; not on a span with `heirloom.polls` |
/// | `heirloom.marks`, `heirloom.marks.texts` | facts about the process's lanes beside its spans, packed, on the first spans of each part ([format]) |
///
/// [format]: heirloom_core::export::marks
/// [conventions]: https://opentelemetry.io/docs/specs/semconv/general/attributes/#general-thread-attributes
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Mapping for Plain {
    #[inline]
    fn span(&mut self, span: SpanRef<'_>, to: &mut Attributes<'_>) -> Fields {
        let mut own = Own(0);
        let mut is_cut = false;
        for attribute in span.attributes() {
            own.see(attribute.key);
            is_cut |= attribute.truncated_from.is_some();
            to.add(attribute.key, &attribute.value);
        }
        if is_cut && !own.has(Own::TRUNCATED) {
            Truncated::of(span.attributes()).add_to(to);
        }
        if span.is_incomplete() || span.is_aborted() || span.dropped_children() != 0 {
            state(span, own, to);
        }
        if marks::has_attributes(&span) {
            add_marks(span, own, to);
        }
        match own.has(Own::LANE) {
            false => to.add_lane(span.lane()),
            true => lane(span.lane(), own, to),
        }
        Fields::of(span)
    }
}

/// Which of the added attributes a span has itself.
#[derive(Clone, Copy)]
struct Own(u16);

impl Own {
    const TRUNCATED: Self = Self(1);
    const INCOMPLETE: Self = Self(1 << 1);
    const ABORTED: Self = Self(1 << 2);
    const THREAD_ID: Self = Self(1 << 3);
    const THREAD_NAME: Self = Self(1 << 4);
    const PROCESS_ID: Self = Self(1 << 5);
    const DROPPED_CHILDREN: Self = Self(1 << 6);
    const FAN_OUT: Self = Self(1 << 7);
    /// One of the two.
    const MARKS: Self = Self(1 << 8);
    const NESTED: Self = Self(1 << 9);
    /// One of the lane's.
    const LANE: Self = Self(Self::THREAD_ID.0 | Self::THREAD_NAME.0 | Self::PROCESS_ID.0);

    #[inline(always)]
    fn see(&mut self, key: &str) {
        // A comparison with a text of known length is one or two of words.
        self.0 |= match key.len() {
            9 if key == Lanes::THREAD_ID => Self::THREAD_ID.0,
            11 if key == Lanes::THREAD_NAME => Self::THREAD_NAME.0,
            11 if key == Lanes::PROCESS_ID => Self::PROCESS_ID.0,
            14 if key == marks::MARKS => Self::MARKS.0,
            15 if key == marks::NESTED => Self::NESTED.0,
            16 if key == ABORTED => Self::ABORTED.0,
            18 if key == Truncated::KEY => Self::TRUNCATED.0,
            16 if key == marks::FAN_OUT => Self::FAN_OUT.0,
            20 if key == marks::TEXTS => Self::MARKS.0,
            19 if key == INCOMPLETE => Self::INCOMPLETE.0,
            25 if key == DROPPED_CHILDREN => Self::DROPPED_CHILDREN.0,
            _ => 0,
        };
    }

    /// Whether any of these.
    #[inline(always)]
    fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

const INCOMPLETE: &str = "heirloom.incomplete";
const ABORTED: &str = "heirloom.aborted";

const DROPPED_CHILDREN: &str = "heirloom.dropped_children";

/// The fan-out, the marks that the span carries, and whether it left its lane.
#[inline(never)]
fn add_marks(span: SpanRef<'_>, own: Own, to: &mut Attributes<'_>) {
    marks::attributes(&span, |key, value| {
        let known = match key {
            marks::FAN_OUT => Own::FAN_OUT,
            marks::NESTED => Own::NESTED,
            _ => Own::MARKS,
        };
        if !own.has(known) {
            to.add(key, &value);
        }
    });
}

#[cold]
fn state(span: SpanRef<'_>, own: Own, to: &mut Attributes<'_>) {
    if span.is_incomplete() && !own.has(Own::INCOMPLETE) {
        to.add(INCOMPLETE, &Value::Bool(true));
    }
    if span.is_aborted() && !own.has(Own::ABORTED) {
        to.add(ABORTED, &Value::Bool(true));
    }
    if span.dropped_children() != 0 && !own.has(Own::DROPPED_CHILDREN) {
        to.add(DROPPED_CHILDREN, &Value::from(span.dropped_children()));
    }
}

/// The attributes of a lane that the span doesn't have itself.
#[cold]
fn lane(lane: &Lane, own: Own, to: &mut Attributes<'_>) {
    let keys = [
        (Lanes::THREAD_ID, Own::THREAD_ID),
        (Lanes::THREAD_NAME, Own::THREAD_NAME),
        (Lanes::PROCESS_ID, Own::PROCESS_ID),
    ];
    let resource_pid = to.resource_pid();
    Lanes::each(lane, resource_pid, |key, value| {
        if !keys.iter().any(|(known, mark)| *known == key && own.has(*mark)) {
            to.add(key, value);
        }
    });
}
