//! The shards that a thread holds, one for each tracer that it recorded for. They are returned when the thread exits.

use super::slot::{slot, Lease, Pointers, Slot, NO_LEASE};
use super::{state, ThreadState};
use crate::context::TracerKey;
use crate::life;
use crate::pipeline::{self, Shared};
use crate::random::seed;
use crate::shard::Shard;
use crate::shm;
use crate::unplaced::NoShard;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

thread_local!(static LEASES: Leases = const { Leases(RefCell::new(Vec::new())) });

/// The shards that this thread holds, one for each tracer that it recorded for.
struct Leases(RefCell<Vec<Held>>);

struct Held {
    key: TracerKey,
    lease: Lease,
    shard: Arc<Shard>,
    tracer: Arc<Shared>,
}

impl Held {
    fn pointers(&self) -> Pointers {
        (slot(self.key, self.lease), NonNull::from(&*self.shard), NonNull::from(&*self.tracer))
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        life::leave();
        state().empty();
        forget_foreign(self.0.get_mut());
        for held in self.0.get_mut().drain(..) {
            held.tracer.registry.give_back(held.shard);
        }
    }
}

/// Forgets the shards that this thread held in the parent of this process: the locks of their registry may be held
/// permanently, by a thread that exists only in the parent.
fn forget_foreign(all: &mut Vec<Held>) {
    if all.iter().any(|held| held.tracer.is_foreign()) {
        let (foreign, own) = std::mem::take(all).into_iter().partition(|held| held.tracer.is_foreign());
        *all = own;
        std::mem::forget::<Vec<Held>>(foreign);
    }
}

/// Runs in the child of a fork, on its only thread. From here on nothing is recorded until a tracer is started. Only
/// stores, so that it is async-signal-safe.
pub(crate) extern "C" fn after_fork() {
    life::after_fork();
    pipeline::after_fork();
    shm::after_fork();
    state().after_fork();
}

impl ThreadState {
    /// Puts this thread's shard for the tracer into the slot. Leases one if the thread has none.
    #[cold]
    pub(crate) fn activate(&self, key: TracerKey) -> Result<(), NoShard> {
        self.find(key).map(|slot| self.put_back(slot))
    }

    /// The same, and leaves the slot taken.
    #[cold]
    pub(super) fn find(&self, key: TracerKey) -> Result<Slot<'_>, NoShard> {
        self.guarded(|| {
            LEASES
                .try_with(|leases| {
                    let mut held = leases.0.try_borrow_mut().map_err(|_| NoShard::Nested)?;
                    forget_foreign(&mut held);
                    if let Some(found) = held.iter().find(|h| h.key == key) {
                        return Ok(found.pointers());
                    }
                    let new = lease(key)?;
                    let found = new.pointers();
                    // Shards of finished tracers were kept for spans that were still open.
                    if !self.is_waiting() {
                        held.retain(|h| !h.tracer.is_closed());
                    }
                    held.push(new);
                    Ok(found)
                })
                .unwrap_or(Err(NoShard::ThreadExit))
        })
    }

    /// Puts the shard of a lease into the slot, if this thread holds it.
    #[cold]
    pub(crate) fn activate_lease(&self, lease: Lease) -> Result<(), NoShard> {
        self.guarded(|| {
            LEASES
                .try_with(|leases| {
                    let held = leases.0.try_borrow().map_err(|_| NoShard::Nested)?;
                    let is_it = |h: &&Held| h.lease == lease && !h.tracer.is_foreign();
                    let found = held.iter().find(is_it).ok_or(NoShard::NoTracer)?;
                    Ok(found.pointers())
                })
                .unwrap_or(Err(NoShard::ThreadExit))
        })
        .map(|slot| self.put_back(slot))
    }
}

static NEXT_LEASE: AtomicU32 = AtomicU32::new(1);

/// Leases a shard of the tracer, and writes its new owner into it.
fn lease(key: TracerKey) -> Result<Held, NoShard> {
    let tracer = pipeline::find(key).ok_or(NoShard::NoTracer)?;
    let lease = next_lease();
    let why = || if tracer.is_closed() { NoShard::NoTracer } else { NoShard::NoMemory };
    let shard = tracer.registry.lease(tracer.clock_source(), seed).ok_or_else(why)?;
    // Without room for it, the first refill that finds some writes it.
    if tracer.announce_thread(&shard).is_ok() {
        state().record_place(&tracer, &shard);
    }
    Ok(Held { key, lease, shard, tracer })
}

fn next_lease() -> Lease {
    loop {
        let lease = NEXT_LEASE.fetch_add(1, Ordering::Relaxed);
        if lease != 0 && lease < NO_LEASE {
            return lease;
        }
    }
}
