//! What the analysis must say about a program.

use heirloom_insight::analysis::{Analysis, Cause};
use heirloom_insight::graph::Graph;
use heirloom_insight::model::{LockIx, NameIx, Run};
use heirloom_insight::simulate::{Base, Change, MOST_NODES};
use std::fmt;

/// What the analysis must say about the slow form of a program.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The cause that is named first: one of these. None: nothing to gain.
    pub causes: &'static [Cause],
    /// The span, lock or channel that is to blame; empty if none has a name.
    pub blamed: &'static str,
    /// The change whose prediction is compared with the mended form.
    pub cure: Cure,
    /// What the three sentences say besides; empty if nothing.
    pub says: &'static str,
}

/// A change that stands for what the mended form does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cure {
    /// Spans of this name are so many times faster.
    Faster(&'static str, f64),
    /// Spans of this name take so many milliseconds less.
    Shorter(&'static str, f64),
    /// Spans of this name take as long with all lanes busy as with one.
    NoInflation(&'static str),
    /// The lock with this name excludes nothing.
    WithoutLock(&'static str),
    /// The children of this name are split into so many pieces.
    Finer(&'static str, u32),
    /// The pool has so many threads.
    Lanes(u32),
    /// Blocking polls, or background jobs, of this name move to other threads.
    SpawnBlocking(&'static str),
    /// The gain that the first finding with this cause states.
    Finding(Cause),
    /// The time doesn't change.
    Nothing,
    /// What isn't in the run, so nothing can be predicted.
    Unknown,
}

impl Cure {
    /// The predicted wall time with this change, in nanoseconds, of a run of this scale. `None`: the run has nothing with that
    /// name, or nothing can be predicted.
    pub fn predict(&self, run: &Run, analysis: &Analysis, scale: f64) -> Option<u64> {
        let name = |text: &str| run.names.iter().position(|name| &**name == text).map(|ix| ix as NameIx);
        let lock = |text: &str| run.locks.iter().position(|lock| &*lock.name == text).map(|ix| ix as LockIx);
        let change = match *self {
            Self::Faster(text, factor) => Change::Faster { name: name(text)?, factor },
            Self::Shorter(text, ms) => {
                let (name, less) = (name(text)?, ms * 1e6 * scale);
                let spans = || run.spans.iter().filter(|span| span.name == name);
                let all: u64 = spans().map(|span| span.end - span.start).sum();
                let left = all as f64 - less * spans().count() as f64;
                Change::Faster { name, factor: all as f64 / left.max(1.0) }
            }
            Self::NoInflation(text) => {
                let row = analysis.names.iter().find(|row| row.name == text)?;
                Change::Faster { name: name(text)?, factor: row.inflation? }
            }
            Self::WithoutLock(text) => Change::WithoutLock(lock(text)?),
            Self::Finer(text, pieces) => Change::Finer { name: name(text)?, pieces },
            Self::SpawnBlocking(text) => Change::SpawnBlocking(name(text)?),
            Self::Lanes(_) | Self::Nothing => Change::None,
            Self::Unknown => return None,
            Self::Finding(cause) => {
                let gain = analysis.findings.iter().find(|finding| finding.cause == cause)?.gain_ns;
                return analysis.totals.wall_ns.checked_sub(gain);
            }
        };
        let graph = Graph::new(run);
        let base = Base::new(run, &graph, MOST_NODES);
        Some(match *self {
            Self::Lanes(lanes) => base.on_lanes(lanes).ns,
            _ => base.predict(change).ns,
        })
    }
}

impl fmt::Display for Cure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faster(name, factor) => write!(f, "`{name}` {factor} times as fast"),
            Self::Shorter(name, ms) => write!(f, "`{name}` {ms} ms shorter"),
            Self::NoInflation(name) => write!(f, "`{name}` without inflation"),
            Self::WithoutLock(name) => write!(f, "without the lock `{name}`"),
            Self::Finer(name, pieces) => write!(f, "`{name}` in {pieces} pieces"),
            Self::Lanes(lanes) => write!(f, "{lanes} lanes"),
            Self::SpawnBlocking(name) => write!(f, "`{name}` on threads of its own"),
            Self::Finding(_) => write!(f, "without the first finding"),
            Self::Nothing => write!(f, "none"),
            Self::Unknown => write!(f, "not in the run"),
        }
    }
}
