//! [`Waits`]: which waits ended, and what ended them, by the marks that spans carry.

use super::why::Why;
use heirloom_core::export::marks::{self, unpack};
use heirloom_core::export::MarkData;
use heirloom_core::mark::{MarkKind, WaitCause};
use heirloom_otlp::read::{AnyValue, Span};
use std::collections::HashMap;
use std::sync::Arc;

/// How many names of locks are remembered, and how many waits may wait for a name.
const MAX_LOCKS: usize = 1 << 18;

/// What a mark says.
#[derive(Debug)]
pub(super) enum Ended {
    /// The span `by` ended a wait of the span `of`.
    Wait { why: Why, of: u64, by: u64, at_ns: u64 },
    /// The parent of a fan-out goes on: all its pieces have ended.
    Fan { fan: u64, parent: u64, at_ns: u64 },
}

/// A wait for a lock whose name isn't known yet.
#[derive(Clone, Copy, Debug)]
struct Unnamed {
    lock: Lock,
    of: u64,
    by: u64,
    at_ns: u64,
}

/// A process, and the id of a lock there.
type Lock = (u64, u64);

/// Reads marks. A lock's name may come after the waits for it: they are returned at the end.
#[derive(Debug, Default)]
pub(super) struct Waits {
    names: HashMap<Lock, Arc<str>>,
    unnamed: Vec<Unnamed>,
}

impl Waits {
    /// What the marks say that a span of this process carries.
    pub(super) fn of(&mut self, carrier: &Span, pid: u64) -> Vec<Ended> {
        let numbers = array(carrier, marks::MARKS).iter().map(|item| if let AnyValue::Int(n) = item { *n } else { 0 });
        let texts = array(carrier, marks::TEXTS).iter();
        let texts = texts.map(|item| if let AnyValue::String(text) = item { text } else { "" });
        let (numbers, texts) = (numbers.collect::<Vec<_>>(), texts.collect::<Vec<_>>());
        // Marks that can't be read have no arrows.
        let marks = unpack(&numbers, &texts, carrier.start_time_unix_nano, pid as u32).unwrap_or_default();
        marks.iter().filter(|mark| mark.kind == MarkKind::LockName).for_each(|mark| self.name(mark, pid));
        marks.iter().filter_map(|mark| self.mark(mark, pid)).collect()
    }

    /// The waits for locks whose names came late or never.
    pub(super) fn rest(&mut self) -> Vec<Ended> {
        let rest = std::mem::take(&mut self.unnamed).into_iter();
        rest.map(|Unnamed { lock, of, by, at_ns }| {
            let name = self.names.get(&lock).cloned().unwrap_or_else(|| format!("{:x}", lock.1).into());
            Ended::Wait { why: Why::Lock(name), of, by, at_ns }
        })
        .collect()
    }

    fn name(&mut self, mark: &MarkData, pid: u64) {
        if self.names.len() < MAX_LOCKS {
            self.names.entry((pid, mark.b)).or_insert_with(|| Arc::from(&*mark.text));
        }
    }

    fn mark(&mut self, mark: &MarkData, pid: u64) -> Option<Ended> {
        let (of, by, at_ns) = (mark.span?.to_u64(), mark.d, mark.time_ns.saturating_add(mark.length_ns));
        match mark.kind {
            MarkKind::Join => return Some(Ended::Fan { fan: mark.a, parent: of, at_ns }),
            MarkKind::Wait if by != 0 => {}
            _ => return None,
        }
        let why = match WaitCause::of(mark.a)? {
            WaitCause::Empty => Why::Message,
            WaitCause::Job | WaitCause::Await => Why::Join,
            WaitCause::Mutex | WaitCause::Read | WaitCause::Write => {
                let lock = (pid, mark.b);
                let Some(name) = self.names.get(&lock) else {
                    if self.unnamed.len() < MAX_LOCKS {
                        self.unnamed.push(Unnamed { lock, of, by, at_ns });
                    }
                    return None;
                };
                Why::Lock(Arc::clone(name))
            }
            _ => return None,
        };
        Some(Ended::Wait { why, of, by, at_ns })
    }
}

fn array<'a>(span: &'a Span, key: &str) -> &'a [AnyValue] {
    match span.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value) {
        Some(AnyValue::Array(items)) => items,
        _ => &[],
    }
}
