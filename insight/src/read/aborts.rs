//! Spans that were open when their process died, and what it died of.

use super::names::Names;
use crate::model::{Note, NoteKind};
use heirloom_core::Status;
use std::collections::BTreeMap;

/// How Heirloom's collector begins the status of such a span.
const PREFIX: &str = "aborted: ";
/// What it says of the span itself.
const WHILE: &str = " while the span was open";

/// At most so many causes have a note; one more note has the rest.
const MAX_CAUSES: usize = 5;
/// At most so many names are in a note.
const MAX_NAMES: usize = 3;

/// Which spans were aborted, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Aborts {
    causes: Names,
    /// Span and cause, by span.
    rows: Vec<(u32, u32)>,
}

impl Aborts {
    /// Adds a span: the cause is in its status.
    pub(super) fn add(&mut self, span: u32, status: &Status) {
        let message = match status {
            Status::Error(message) => message.strip_prefix(PREFIX).unwrap_or_default(),
            _ => "",
        };
        self.rows.push((span, self.causes.number(message)));
    }

    /// How many spans.
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Adds another table, whose first span is this one here.
    pub(super) fn absorb(&mut self, other: Self, first: u32) {
        let causes = self.causes.absorb(&other.causes);
        self.rows.extend(other.rows.into_iter().map(|(span, cause)| (first + span, causes[cause as usize])));
    }

    /// Renumbers the spans, and forgets those without a place.
    pub(super) fn renumber(&mut self, places: &[Option<u32>]) {
        self.rows = self.rows.iter().filter_map(|(span, cause)| Some((places[*span as usize]?, *cause))).collect();
    }
}

/// A note for each cause. `name` is the name of a span.
pub(super) fn notes<'a>(aborts: &'a Aborts, name: impl Fn(u32) -> &'a str) -> Vec<Note> {
    let mut by_cause: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (span, cause) in &aborts.rows {
        *by_cause.entry(aborts.causes.text(*cause)).or_default().entry(name(*span)).or_default() += 1;
    }
    let rest: u64 = by_cause.values().skip(MAX_CAUSES).flat_map(BTreeMap::values).sum();
    let mut texts: Vec<String> = by_cause.iter().take(MAX_CAUSES).map(|(cause, names)| text(cause, names)).collect();
    if rest > 0 {
        texts.push(format!("{} more for other causes.", aborted(rest)));
    }
    texts.into_iter().map(|text| Note { kind: NoteKind::Open, text }).collect()
}

/// `2 spans were aborted (`measure`, `shape`): process 71 was killed by signal 9 (SIGKILL).`
fn text(cause: &str, names: &BTreeMap<&str, u64>) -> String {
    let mut shown: Vec<String> = names.keys().take(MAX_NAMES).map(|name| format!("`{name}`")).collect();
    if names.len() > MAX_NAMES {
        shown.push("..".to_owned());
    }
    let cause = match cause {
        "" => "the process ended first".to_owned(),
        cause => cause.replacen(WHILE, "", 1),
    };
    format!("{} ({}): {cause}.", aborted(names.values().sum()), shown.join(", "))
}

fn aborted(count: u64) -> String {
    match count {
        1 => "1 span was aborted".to_owned(),
        _ => format!("{count} spans were aborted"),
    }
}
