//! Regions: shards in memory that a process shares with the worker process that it started. This is the border between
//! this crate, which knows no process, and one that starts them (`heirloom-ipc`): who only uses Heirloom needs none of it.
//!
//! A region is made by the parent before the child exists, in memory that the child inherits. The child attaches to it
//! when it starts its tracer, and records into shards that lie in it; it has no collector and no exporter. The parent's
//! collector reads them as it reads its own. When the child dies, however it dies, what it recorded is still there.
//!
//! | file | what it does |
//! |---|---|
//! | `mapping.rs` | access to the parts of shared memory |
//! | `layout.rs` | where everything is, and the words of the header; specified in `docs/shm-format.md` |
//! | `texts.rs` | texts in shared words |
//! | `child.rs` | [`Attachment`]: the child's side |
//! | `host.rs` | the parent's side, as its collector sees it |
//! | `collector/regions.rs`, `collector/border.rs` | what the collector does with it, and what it believes |
//!
//! # What the parent believes
//!
//! Nothing. It made the memory, knows its length and the sizes of the rings, and reads none of that back. Whatever the
//! child can write is copied out word by word, then checked; see `collector/border.rs`.

mod child;
mod host;
mod layout;
mod mapping;
mod texts;

pub use child::Attachment;
pub(crate) use host::{Hosted, Hosts, Moment};
pub(crate) use mapping::Mapped;
pub use mapping::Mapping;

use crate::tracer::Shared;
use crate::Tracer;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

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
        /// What [`Region::bytes`] says.
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

/// A region, as its maker holds it. Dropped without a [`died`](Self::died), it counts as one whose process ended in an
/// unknown way.
#[derive(Debug)]
pub struct Region {
    tracer: Arc<Shared>,
    hosted: Arc<Hosted>,
}

impl Region {
    /// How many bytes of address space a region of this tracer needs. Few of them are ever touched.
    pub fn bytes(tracer: &Tracer) -> usize {
        Hosted::bytes(tracer.shared().registry.sizes())
    }

    /// Makes a region in zeroed memory, for the one process that will have this nonce.
    ///
    /// # Errors
    /// The tracer has no collector, the mapping is too short, or there is no memory.
    pub fn host(tracer: &Tracer, mapping: Box<dyn Mapping>, nonce: u64) -> Result<Self, HostError> {
        let tracer = Arc::clone(tracer.shared());
        if tracer.is_closed() || !tracer.has_collector() {
            return Err(HostError::NoCollector);
        }
        crate::collector::reserve_name();
        let sizes = tracer.registry.sizes();
        let hosted = Arc::new(Hosted::new(mapping, nonce, sizes, &tracer, crate::thread::seed())?);
        tracer.hosts.add(Arc::clone(&hosted));
        if tracer.is_closed() {
            // It has finished meanwhile, and perhaps did not see this one.
            hosted.refuse();
            tracer.hosts.remove(&hosted);
            hosted.close(RegionReport::default());
        }
        Ok(Self { tracer, hosted })
    }

    /// What the child calls between fork and exec, so that no process that *it* starts can attach in its place.
    pub fn heir(&self) -> Heir {
        Heir(Arc::downgrade(&self.hosted))
    }

    /// The process has started. Until this is said nothing is read.
    pub fn started(&self, process_id: u32) {
        self.hosted.started(process_id);
    }

    /// Whether a process has attached.
    pub fn is_attached(&self) -> bool {
        self.hosted.is_attached()
    }

    /// Whether the process that attached has not said that it has finished.
    pub fn is_recording(&self) -> bool {
        self.hosted.is_recording()
    }

    /// This process is about to kill the child, for this reason: it stands in the status of the spans that the child
    /// leaves open. The first reason counts.
    pub fn killing(&self, reason: &str) {
        self.hosted.set_reason(reason);
    }

    /// The process is no more: the collector reads what it left, and closes what it left open as aborted, now. To be called
    /// when all threads of the process have ended.
    pub fn died(&self, death: Death) {
        self.hosted.died(death, self.tracer.clock_tick());
        self.tracer.wake.wake();
    }

    /// Waits until the collector is done with it, at most for a time.
    pub fn wait_closed(&self, timeout: Duration) -> Option<RegionReport> {
        self.hosted.wait(timeout)
    }

    /// Has the collector look at once.
    pub fn wake_collector(&self) {
        self.tracer.wake.wake();
    }
}

/// Says which process may attach to a region. Doesn't keep the region alive.
#[derive(Clone, Debug)]
pub struct Heir(Weak<Hosted>);

impl Heir {
    /// The calling process, and no other one. Async-signal-safe: atomics, and `getpid`.
    pub fn is_this_process(&self) {
        if let Some(hosted) = self.0.upgrade() {
            hosted.set_heir(std::process::id());
            // The child of a fork has nothing to clean up.
            std::mem::forget(hosted);
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        self.died(Death::Unknown);
    }
}

/// Finds the region that this process's parent made for it. `None` if there is none; an error if there is one that can't be
/// used, which is said once, and the process records as if it had no parent.
pub type FindRegion = fn() -> Option<Result<Attachment, String>>;

static FIND: Mutex<Vec<FindRegion>> = Mutex::new(Vec::new());

/// Has `find` asked when a global tracer starts ([`init`](crate::init)), so that a worker process records into its parent's
/// region. Adding the same function again does nothing.
pub fn on_init(find: FindRegion) {
    let mut all = FIND.lock().unwrap_or_else(PoisonError::into_inner);
    if !all.iter().any(|known| *known as usize == find as usize) {
        all.push(find);
    }
}

/// Whether this process has attached to a region.
static CHILD: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}

/// The region of this process's parent, if there is one.
pub(crate) fn find() -> Option<Attachment> {
    // Whoever starts a program with more rights than his own must not say where it records.
    if crate::sys::is_elevated() {
        return None;
    }
    let all = FIND.lock().unwrap_or_else(PoisonError::into_inner).clone();
    all.into_iter().find_map(|find| match find()? {
        Ok(attachment) => {
            CHILD.store(true, Ordering::Relaxed);
            Some(attachment)
        }
        Err(why) => {
            crate::diagnostics::warn(&format!("{why}; this process records on its own"));
            None
        }
    })
}
