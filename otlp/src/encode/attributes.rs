//! [`Attributes`]: where a mapping writes attributes, in either format. [`Truncated`]: which values were cut.

use super::lanes::Lanes;
use super::values::{json, protobuf};
use heirloom_core::export::{AttributeRef, Lane, Resource};
use heirloom_core::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Where a [`Mapping`](super::Mapping) writes attributes. They are encoded at once, in the order in which they are added; nothing
/// checks that each key comes once.
#[derive(Debug)]
pub struct Attributes<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) place: Place,
    pub(super) threads: &'o mut Threads,
}

/// A place in [`Attributes`]. It belongs to the ones that it is of.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

/// Where the attributes belong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In protobuf, a message with this field for its attributes.
    Protobuf(u8),
    /// In JSON, a list that begins at this byte.
    Json(usize),
}

impl<'o> Attributes<'o> {
    /// Adds an attribute. Doesn't allocate.
    #[inline(always)]
    pub fn add(&mut self, key: &str, value: &Value<'_>) {
        match self.place {
            Place::Protobuf(field) => protobuf::attribute(self.out, field, key, value),
            Place::Json(start) => json::attribute(self.out, start, key, value),
        }
    }

    /// Adds `thread.id`, `thread.name` (if the thread has one), and `process.pid` (if it isn't the resource's) of a span's lane.
    /// They are encoded once for many spans of a thread in a row.
    #[inline(always)]
    pub fn add_lane(&mut self, lane: &Arc<Lane>) {
        if !self.threads.lane.as_ref().is_some_and(|known| Arc::ptr_eq(known, lane)) {
            self.threads.learn(lane, self.place);
        }
        if let Place::Json(start) = self.place {
            json::comma(self.out, start);
        }
        let encoded = &self.threads.encoded[..];
        match encoded.first_chunk::<LANE_BYTES>() {
            // Copied with what is behind it: a copy of known length is a few instructions.
            Some(padded) if self.threads.len <= LANE_BYTES => {
                let end = self.out.len() + self.threads.len;
                self.out.extend_from_slice(padded);
                self.out.truncate(end);
            }
            _ => self.out.extend_from_slice(encoded),
        }
    }

    /// The place behind the last attribute.
    #[inline(always)]
    pub fn mark(&self) -> Mark {
        Mark(self.out.len())
    }

    /// Removes the attributes that were added since then.
    pub fn undo(&mut self, mark: Mark) {
        self.out.truncate(mark.0);
    }

    /// The attribute `process.pid` of the resource.
    pub(super) fn resource_pid(&self) -> Option<i64> {
        self.threads.resource_pid
    }
}

/// The encoded attributes of the last lane. A collector reads one thread after the other, so many spans in a row share them.
#[derive(Debug)]
pub(super) struct Threads {
    lane: Option<Arc<Lane>>,
    resource_pid: Option<i64>,
    /// Padded to [`LANE_BYTES`], unless it is longer.
    encoded: Vec<u8>,
    len: usize,
}

/// The attributes of most lanes are shorter than this.
const LANE_BYTES: usize = 96;

impl Threads {
    pub(super) fn new() -> Self {
        Self { lane: None, resource_pid: None, encoded: Vec::new(), len: 0 }
    }

    /// Begins with the spans of this resource.
    pub(super) fn begin(&mut self, resource: &Resource) {
        self.resource_pid = resource.get(Lanes::PROCESS_ID).and_then(Value::as_i64);
        self.lane = None;
    }

    #[cold]
    fn learn(&mut self, lane: &Arc<Lane>, place: Place) {
        self.lane = Some(Arc::clone(lane));
        self.encoded.clear();
        let out = &mut self.encoded;
        Lanes::each(lane, self.resource_pid, |key, value| match place {
            Place::Protobuf(field) => protobuf::attribute(out, field, key, value),
            Place::Json(_) => json::attribute(out, 0, key, value),
        });
        self.len = self.encoded.len();
        if self.len < LANE_BYTES {
            self.encoded.resize(LANE_BYTES, 0);
        }
    }
}

/// Which values were cut, for the attribute `heirloom.truncated`: `key=bytes` for each, with its size in bytes before.
#[derive(Debug, Default)]
pub struct Truncated(Vec<String>);

impl Truncated {
    /// The key.
    pub const KEY: &'static str = "heirloom.truncated";

    /// Those of these attributes.
    #[cold]
    pub fn of<'a>(attributes: impl Iterator<Item = AttributeRef<'a>>) -> Self {
        let name = |a: AttributeRef<'_>| a.truncated_from.map(|bytes| format!("{}={bytes}", a.key));
        Self(attributes.filter_map(name).collect())
    }

    /// Adds the attribute, if a value was cut.
    pub fn add_to(self, to: &mut Attributes<'_>) {
        if !self.0.is_empty() {
            to.add(Self::KEY, &Value::Strs(self.0.into_iter().map(Cow::Owned).collect()));
        }
    }
}
