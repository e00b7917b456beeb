//! Checks the spans that arrived against the expected ones.

use crate::kind::Kind;
use crate::way::{Way, EXPECTED_PARENT, LEAF, NUMBER};
use heirloom_receiver::Received;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The result for one way in one kind of concurrency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Distinct leaves that arrived.
    pub leaves: u64,
    /// Spans whose parent didn't arrive.
    pub orphans: u64,
    /// Spans with a wrong parent, or in a wrong trace.
    pub wrong_parents: u64,
    /// Leaves that did not arrive, or as more than one span.
    pub lost: u64,
    /// Spans without the attributes that their way or their trace gives them.
    pub wrong: u64,
}

impl Cell {
    /// Checks all spans of the trace of a cell.
    pub fn of(spans: &[Received], way: Way, kind: Kind, leaves: u64) -> Self {
        let name = format!("{} in {}", way.name(), kind.name());
        let mut cell = Self::default();
        let Some(root) = spans.iter().find(|span| span.name == name) else {
            return Self { lost: leaves, ..cell };
        };
        // By id: what an exporter sends again, since no answer came in time, arrives twice and is still one span.
        let own = spans.iter().filter(|span| span.trace_id == root.trace_id);
        let by_id: HashMap<&str, &Received> = own.map(|span| (span.span_id.as_str(), span)).collect();
        let mut seen = HashSet::new();
        for span in by_id.values() {
            cell.wrong += u64::from(!is_complete(span, way));
            if span.name == LEAF {
                cell.lost += u64::from(!seen.insert(span.int(NUMBER)));
            }
            let Some(parent) = &span.parent_span_id else { continue };
            cell.orphans += u64::from(!by_id.contains_key(parent.as_str()));
            cell.wrong_parents += u64::from(span.text(EXPECTED_PARENT) != Some(parent));
        }
        // A leaf in another trace counts as a wrong parent there, and as missing here.
        let strays = |span: &&Received| span.text(EXPECTED_PARENT).is_some_and(|parent| by_id.contains_key(parent));
        let elsewhere = spans.iter().filter(|span| span.trace_id != root.trace_id).filter(strays).count();
        cell.wrong_parents += elsewhere as u64;
        cell.leaves = seen.len() as u64;
        cell.lost += leaves.saturating_sub(cell.leaves);
        cell
    }

    /// Whether every leaf arrived and is right.
    pub fn is_right(&self) -> bool {
        self.orphans + self.wrong_parents + self.lost + self.wrong == 0
    }
}

/// Whether a span has the attributes that its way gives it.
fn is_complete(span: &Received, way: Way) -> bool {
    let kind = span.text("langfuse.observation.type");
    match way {
        _ if span.name != LEAF => true,
        Way::Framework => kind == Some("generation") && span.text("langfuse.observation.model.name") == Some("m-small"),
        Way::Update => kind == Some("tool") && span.text("langfuse.observation.output").is_some(),
        _ => kind == Some("span"),
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_right() {
            true => write!(f, "{}", self.leaves),
            false => write!(
                f,
                "{} ({} lost, {} orphans, {} wrong parents, {} wrong)",
                self.leaves, self.lost, self.orphans, self.wrong_parents, self.wrong
            ),
        }
    }
}
