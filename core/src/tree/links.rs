//! The names of linked spans.

use super::text::printable;
use crate::export::SpanData;
use crate::text::count;
use crate::{SpanId, TraceId};
use std::borrow::Cow;
use std::collections::HashMap;

/// How many linked spans a line names.
const MAX_NAMES: usize = 2;

/// How many different linked spans are counted for a line, so that a line of many spans takes linear time.
const MAX_COUNTED: usize = 100;

type Id = (TraceId, SpanId);

/// The names of the spans to which others have links.
pub(super) struct Linked<'a>(HashMap<Id, Option<&'a str>>);

impl<'a> Linked<'a> {
    pub(super) fn new(spans: &'a [SpanData]) -> Self {
        let ids = spans.iter().flat_map(|span| &span.links).map(|link| ((link.0, link.1), None));
        let mut names: HashMap<Id, Option<&str>> = ids.collect();
        if names.is_empty() {
            return Self(names);
        }
        for span in spans {
            if let Some(name) = names.get_mut(&(span.trace_id, span.span_id)) {
                name.get_or_insert(&span.name);
            }
        }
        Self(names)
    }

    /// The names of all spans to which these have links, each once, in the order of the links. A span that isn't known
    /// has its id instead. `None` without links.
    pub(super) fn names(&self, spans: &[&SpanData]) -> Option<String> {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        for (trace, id, _) in spans.iter().flat_map(|span| &span.links) {
            let name = match self.0.get(&(*trace, *id)) {
                Some(Some(name)) => printable(name),
                _ => Cow::Owned(id.to_string()),
            };
            if names.len() < MAX_COUNTED && !names.contains(&name) {
                names.push(name);
            }
        }
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(names.join(" and ")),
            (false, more) => Some(format!("{} and {} more", names.join(", "), count(more as u64))),
        }
    }
}
