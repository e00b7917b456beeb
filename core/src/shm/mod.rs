//! Regions: shards in memory that two processes share. [`region`](crate::region) is the public interface of this module
//! and of `tracer/region.rs`, and explains their purpose.
//!
//! | file | what it does |
//! |---|---|
//! | `layout.rs` | the layout, and the words of the header; specified in `docs/shm-format.md` |
//! | `texts.rs` | texts in shared words |
//! | `child.rs` | [`Attachment`]: the child's side |
//! | `host.rs` | the parent's side, for its collector |
//! | `tracer/region.rs` | the parent's side, for the region's maker |
//! | `collector/regions/`, `collector/border.rs` | the collector's work on regions, and its validation of them |
//!
//! # What the parent relies on
//!
//! It relies on nothing that the child can write. The parent made the memory, knows its length and the sizes of the
//! rings, and reads none of that back. It copies everything else out word by word, then validates the copy; see
//! `collector/border.rs`.

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
    /// This tracer has no collector: it is an attached child's, has finished, or records nothing.
    NoCollector,
    /// The mapping is too short.
    Short {
        /// Its length in bytes.
        found: usize,
        /// The length that [`Region::bytes`](crate::region::Region::bytes) returns.
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
                "a child can't record into this process, because it has no collector: \
                 its tracer records into its own parent's region, has finished, or is disabled",
            ),
            HostError::Short { found, needed } => {
                write!(f, "the mapping for a region is too short: it has {found} bytes, and {needed} are needed")
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
    /// The parent uses another version of the format.
    Version {
        /// The parent's.
        found: u64,
        /// This process's.
        expected: u64,
    },
    /// The parent has the same version of the format, but was built with other records, offsets or lengths.
    Layout,
    /// It was made for another process: the nonce differs.
    Nonce,
    /// It was made for the process that started this one.
    Heir,
    /// A process has attached to it already.
    Taken {
        /// The id of that process.
        by: u32,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttachError::NotARegion => f.write_str("the inherited memory is not a region of Heirloom"),
            AttachError::Version { found, expected } => write!(
                f,
                "the parent's region has format version {found}, and this program has version {expected}: \
                 build both with the same version of Heirloom"
            ),
            AttachError::Layout => f.write_str(
                "the parent's region has another format than this program's: records, offsets or lengths differ; \
                 build both with the same version of Heirloom, for the same kind of processor",
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
    /// This signal ended it.
    Killed(i32),
    /// It has ended; its exit status is unknown.
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
            Death::Unknown => f.write_str("ended (exit status unknown)"),
        }
    }
}

/// The collector's findings in a region, after its process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegionReport {
    /// Spans that were started in it and whose Begin record was published.
    pub spans: u64,
    /// Of these, how many were open and were exported as aborted.
    pub aborted: u64,
    /// Spans that were counted as started and whose Begin record was not published: the process ended in between.
    pub unpublished: u64,
    /// Shards that were quarantined because they contained invalid records.
    pub quarantined: u64,
    /// Spans that were started on threads without a shard.
    pub unplaced: u64,
}

/// Whether this process has attached to a region.
static CHILD: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}

/// Runs in the child of a fork: it is not the process that attached. Async-signal-safe.
pub(crate) fn after_fork() {
    CHILD.store(false, Ordering::Relaxed);
}

/// Marks this process as an attached child.
pub(crate) fn set_child() {
    CHILD.store(true, Ordering::Relaxed);
}
