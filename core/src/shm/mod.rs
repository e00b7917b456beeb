//! Regions: shards in memory that two processes share. What they are for is on the page of [`region`](crate::region),
//! which is the public face of this module and of `tracer/region.rs`.
//!
//! | file | what it does |
//! |---|---|
//! | `layout.rs` | where everything is, and the words of the header; specified in `docs/shm-format.md` |
//! | `texts.rs` | texts in shared words |
//! | `child.rs` | [`Attachment`]: the child's side |
//! | `host.rs` | the parent's side, as its collector sees it |
//! | `tracer/region.rs` | the same, as the region's maker holds it |
//! | `collector/regions/`, `collector/border.rs` | what the collector does with it, and what it believes |
//!
//! # What the parent believes
//!
//! Nothing. It made the memory, knows its length and the sizes of the rings, and reads none of that back. Whatever the
//! child can write is copied out word by word, then checked; see `collector/border.rs`.

mod child;
mod host;
mod layout;
mod texts;

pub use crate::mapping::Mapping;
pub use child::Attachment;
pub(crate) use host::{Hosted, Hosts, Moment};

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a region could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostError {
    /// This tracer has no collector: it is a child's itself, has finished, or records nothing.
    NoCollector,
    /// The mapping is too short.
    Short {
        /// Its length in bytes.
        found: usize,
        /// What [`Region::bytes`](crate::region::Region::bytes) says.
        needed: usize,
    },
    /// The mapping doesn't start at a page.
    Unaligned,
    /// The system has no memory for it.
    Memory(io::Error),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::NoCollector => f.write_str(
                "this process has no collector (its tracer records into its own parent's region, has finished, or is disabled), so a child can't record into it",
            ),
            HostError::Short { found, needed } => {
                write!(f, "the mapping for a region has {found} bytes, and {needed} are needed")
            }
            HostError::Unaligned => f.write_str("the mapping for a region does not start at a page"),
            HostError::Memory(error) => write!(f, "no memory for a region: {error}"),
        }
    }
}

impl std::error::Error for HostError {}

/// Why a process could not attach to a region.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The memory is not a region.
    NotARegion,
    /// The parent speaks another version of the format.
    Version {
        /// The parent's.
        found: u64,
        /// This process's.
        expected: u64,
    },
    /// The parent has the same version of the format, but was built with other lengths.
    Layout,
    /// It was made for another process: the nonce differs.
    Nonce,
    /// It was made for another process, which started this one.
    Heir,
    /// A process has attached to it.
    Taken {
        /// The id of that process.
        by: u32,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::NotARegion => f.write_str("the inherited memory is not a region of Heirloom's"),
            AttachError::Version { found, expected } => write!(
                f,
                "the parent's region has format version {found}, and this program speaks version {expected}: build both with the same version of Heirloom"
            ),
            AttachError::Layout => f.write_str(
                "the parent's region has another layout than this program's: build both with the same version of Heirloom, for the same kind of processor",
            ),
            AttachError::Heir => f.write_str("the inherited region was made for the process that started this one"),
            AttachError::Nonce => f.write_str("the inherited region was made for another process"),
            AttachError::Taken { by } => write!(f, "process {by} has attached to the inherited region already"),
        }
    }
}

impl std::error::Error for AttachError {}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// It is no more, and nobody could find out how it ended.
    Unknown,
}

impl Death {
    /// The name of the signal, as in `SIGKILL`.
    pub fn signal_name(&self) -> Option<&'static str> {
        match self {
            Death::Killed(signal) => crate::sys::signal_name(*signal),
            Death::Exited(_) | Death::Unknown => None,
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Exited(code) => write!(f, "exited with code {code}"),
            Death::Killed(signal) => match self.signal_name() {
                Some(name) => write!(f, "was killed by signal {signal} ({name})"),
                None => write!(f, "was killed by signal {signal}"),
            },
            Death::Unknown => f.write_str("ended, nobody knows how"),
        }
    }
}

/// What the collector found in a region, once its process was gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegionReport {
    /// Spans that were begun in it, as far as their begins were published.
    pub spans: u64,
    /// Of these, how many were open and are exported as aborted.
    pub aborted: u64,
    /// Spans whose begin was counted and not published: the process died in between.
    pub unpublished: u64,
    /// Shards that were given up because what was in them made no sense.
    pub quarantined: u64,
    /// Spans that were begun on threads that found no shard.
    pub unplaced: u64,
}

/// Whether this process has attached to a region.
static CHILD: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}

/// From now on this process is such a child.
pub(crate) fn set_child() {
    CHILD.store(true, Ordering::Relaxed);
}
