//! A region as the parent holds it, and how a process finds the region that its parent made for it.

use super::Tracer;
use crate::diagnostics::{Cause, Diagnostic, Level};
use crate::pipeline::Shared;
use crate::random::seed;
use crate::shm::{self, Attachment, Death, HostError, Hosted, Mapping, Moment, RegionReport};
use crate::{collector, sys};
use arc_swap::ArcSwapOption;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A region, as the parent holds it. If it is dropped without a call of [`died`](Self::died), the exit status of its
/// process counts as unknown.
#[derive(Debug)]
pub struct Region {
    tracer: Arc<Shared>,
    hosted: Arc<Hosted>,
}

impl Region {
    /// How many bytes of address space a region of this tracer needs. Only the pages that are used become memory.
    pub fn bytes(tracer: &Tracer) -> usize {
        Self::lengths(tracer).next().unwrap_or(0)
    }

    /// The same, and then lengths that are smaller and smaller, for a system that has no more addresses or limits the size of
    /// files. [`host`](Self::host) makes the rings so small that they fit.
    pub fn lengths(tracer: &Tracer) -> impl Iterator<Item = usize> {
        Hosted::lengths(tracer.shared().registry.sizes())
    }

    /// Makes a region in zeroed memory, for the one process that has this nonce.
    ///
    /// # Errors
    /// The tracer has no collector, the mapping is too short, or there is no memory.
    pub fn host(tracer: &Tracer, mapping: Box<dyn Mapping>, nonce: u64) -> Result<Self, HostError> {
        let tracer = Arc::clone(tracer.shared());
        if tracer.is_closed() || !tracer.has_collector() {
            return Err(HostError::NoCollector);
        }
        collector::reserve_name();
        let (sizes, born) = (tracer.registry.sizes(), Moment::now(&tracer.clock));
        let ring_bytes = tracer.settings.ring_bytes as u64;
        let hosted = Hosted::new(mapping, nonce, sizes, ring_bytes, seed(), tracer.clock_source(), born)?;
        let hosted = Arc::new(hosted);
        tracer.hosts.add(Arc::clone(&hosted));
        if tracer.is_closed() {
            // The tracer has finished meanwhile, and may not have seen this region.
            hosted.close_to_writers();
            tracer.hosts.remove(&hosted);
            hosted.close(RegionReport::default());
        }
        Ok(Self { tracer, hosted })
    }

    /// For the child, which calls [`Heir::is_this_process`] between fork and exec, so that no process that *it* starts
    /// can attach in its place.
    pub fn heir(&self) -> Heir {
        Heir(Arc::downgrade(&self.hosted))
    }

    /// Tells the collector that the process has started. The collector reads nothing before that.
    pub fn started(&self, process_id: u32) {
        self.hosted.started(process_id);
    }

    /// Whether a process has attached.
    pub fn is_attached(&self) -> bool {
        self.hosted.is_attached()
    }

    /// Whether the process that attached has not reported yet that it has finished.
    pub fn is_recording(&self) -> bool {
        self.hosted.is_recording()
    }

    /// Sets the reason why this process kills the child. It becomes part of the status of the spans that the child leaves
    /// open. Only the first call has an effect. Call it before the kill.
    pub fn killing(&self, reason: &str) {
        self.hosted.set_reason(reason);
    }

    /// Tells the collector that the process has ended: it reads what is left in the region, and closes open spans as
    /// aborted, with the present time as their end. Call it when all threads of the process have ended.
    pub fn died(&self, death: Death) {
        self.hosted.died(death, self.tracer.clock_tick());
        self.tracer.wake.wake();
    }

    /// Waits until the collector is done with the region, at most for `timeout`.
    pub fn wait_closed(&self, timeout: Duration) -> Option<RegionReport> {
        self.hosted.wait(timeout)
    }

    /// Wakes the collector, so that it reads at once.
    pub fn wake_collector(&self) {
        self.tracer.wake.wake();
    }
}

/// Sets which process may attach to a region. Doesn't keep the region alive.
#[derive(Clone, Debug)]
pub struct Heir(Weak<Hosted>);

impl Heir {
    /// Lets the calling process attach, and no other. Async-signal-safe: atomics, and `getpid`.
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

/// Finds the region that this process's parent made for it. `None` if there is none. An error if the region can't be
/// used: the error is reported once, and the process records without its parent.
pub type FindRegion = fn() -> Option<Result<Attachment, String>>;

/// Without a lock, because the child of a fork keeps them.
static FIND: ArcSwapOption<Vec<FindRegion>> = ArcSwapOption::const_empty();

/// Registers `find`, to be called when a global tracer starts ([`init`](crate::init)), so that a worker process records
/// into its parent's region. Registering the same function again does nothing.
pub fn on_init(find: FindRegion) {
    FIND.rcu(|all| {
        let all = all.as_deref().map_or(&[][..], Vec::as_slice);
        let is_new = !all.iter().any(|known| *known as usize == find as usize);
        Some(Arc::new(all.iter().copied().chain(is_new.then_some(find)).collect()))
    });
}

/// The region of this process's parent, if there is one. Adds a message to `notes` if it can't be used.
pub(crate) fn find(notes: &mut Vec<Diagnostic>) -> Option<Attachment> {
    // A user who starts a program with more rights than their own must not decide where it records.
    if sys::is_elevated() {
        return None;
    }
    let all = FIND.load_full();
    all.iter().flat_map(|all| all.iter()).find_map(|find| match find()? {
        Ok(attachment) => {
            shm::set_child();
            Some(attachment)
        }
        Err(why) => {
            let message = format!("{why}; this process records on its own");
            notes.push(Diagnostic::new(Level::Warn, Cause::NotAttached, message));
            None
        }
    })
}
