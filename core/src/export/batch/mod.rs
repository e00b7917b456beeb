//! [`Batch`]: finished spans in flat arrays, made once by the collector and shared by all exporters.

mod attribute;
mod build;
mod data;
mod event;
mod marks;
mod pick;
mod rows;
mod scope;
mod span;

pub use attribute::AttributeRef;
pub(crate) use build::BatchBuilder;
pub use data::SpanData;
pub use event::{EventRef, LinkRef};
pub(crate) use marks::Load;
pub use marks::{MarkData, MarkRef};
pub(crate) use pick::Pick;
pub(crate) use rows::{EventRow, LinkRow, List, MarkRow, MoreRow, NameRow, Outcome, SpanFlags, SpanRow, Text};
pub use scope::ScopeRef;
pub use span::SpanRef;

use crate::Value;
use build::Emptied;
use rows::Rows;
use std::borrow::Cow;
use std::sync::{Arc, Weak};

/// The producer of a batch's spans: attributes of the process and the service.
///
/// Keys and values follow OpenTelemetry's [resource conventions] (`service.name`, `process.pid`, ..).
///
/// [resource conventions]: https://opentelemetry.io/docs/specs/semconv/resource/
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Key and value of each attribute, each key once.
    pub attributes: Vec<(Cow<'static, str>, Value<'static>)>,
}

impl Resource {
    /// The value of the attribute with this key.
    pub fn get(&self, key: &str) -> Option<&Value<'static>> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// The process and the thread in which a span ran. All spans of that thread share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The process id.
    pub process_id: u32,
    /// The operating system's id of the thread.
    pub thread_id: u64,
    /// The thread's name, empty if it has none.
    pub thread_name: Arc<str>,
}

/// Finished spans, immutable, shared by all exporters.
///
/// The spans of a batch are in the order in which the collector saw their ends; a parent usually follows its children.
/// Values are made when they are read; that allocates only for arrays.
#[derive(Debug)]
pub struct Batch {
    rows: Rows,
    resource: Arc<Resource>,
    /// Takes the memory when the batch is dropped.
    emptied: Weak<Emptied>,
}

impl Batch {
    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.rows.spans.len()
    }

    /// Whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.rows.spans.is_empty()
    }

    /// The producer of these spans.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The spans.
    #[inline]
    pub fn spans(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + '_ {
        let load = Load { nth: 0, of: self.rows.spans.len() as u32 };
        let of = move |(at, row): (usize, _)| {
            let at = at as u32;
            SpanRef { rows: &self.rows, row, at, load: Load { nth: at, ..load }, dropped_children: 0 }
        };
        self.rows.spans.iter().enumerate().map(of)
    }

    /// The span of this row, as one of those that carry the marks.
    #[inline]
    pub(crate) fn span(&self, row: usize, load: Load) -> Option<SpanRef<'_>> {
        let at = row as u32;
        self.rows.spans.get(row).map(|row| SpanRef { rows: &self.rows, row, at, load, dropped_children: 0 })
    }

    /// The marks: facts about the lanes of the process, in the order of their lanes' records. They need not be about the spans of
    /// this batch.
    #[inline]
    pub fn marks(&self) -> impl ExactSizeIterator<Item = MarkRef<'_>> + '_ {
        self.rows.marks.iter().map(|row| MarkRef { rows: &self.rows, row })
    }

    /// About how much memory the batch takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        std::mem::size_of::<Self>() + self.rows.size_bytes()
    }
}
