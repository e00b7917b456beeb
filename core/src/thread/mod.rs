//! The state of a thread: its shard, its current context, its cache of names.
//!
//! The hot state ([`ThreadState`]) has no destructor. So reading it costs one instruction and works at any time, in a
//! signal handler and while the thread exits. It is one struct behind one access. Each group of its fields has a file:
//!
//! | file | what it does |
//! |---|---|
//! | `slot.rs` | the shard that the thread used last, and exclusive access to it |
//! | `wait.rs` | a thread that finds no room waits for the collector |
//! | `leases.rs` | the shards that the thread holds, in a thread-local whose destructor returns them |
//! | `scopes.rs` | the current context |
//! | `place.rs` | the thread's place in its pool |
//! | `names.rs` | the numbers of static names |
//!
//! Whether the thread may record at all is in [`life`](crate::life).
#![allow(unsafe_code)]

mod leases;
mod names;
mod place;
mod scopes;
mod slot;
mod wait;

pub(crate) use leases::after_fork;
pub(crate) use place::Place;
pub(crate) use scopes::Scope;
pub(crate) use slot::{Lease, Slot, NO_LEASE};

use crate::pipeline::Shared;
use crate::random::Random;
use crate::shard::Shard;
use crate::Context;
use names::{CachedName, NAMES};
use scopes::SCOPES;
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The hot state.
pub(crate) struct ThreadState {
    /// An append is in progress, or a change of the slot.
    taken: Cell<bool>,
    /// The thread waits for room, perhaps in a record that a signal handler has interrupted.
    waiting: Cell<bool>,
    slot: Cell<u64>,
    shard: Cell<NonNull<Shard>>,
    tracer: Cell<NonNull<Shared>>,
    pub(crate) current: Cell<Context>,
    /// The current context has been handed out since it became current.
    pub(crate) handed_out: Cell<bool>,
    /// The number of nested scopes.
    depth: Cell<u32>,
    /// The number of the next scope.
    next_scope: Cell<u32>,
    /// The number of the scope at each depth.
    scopes: [Cell<u32>; SCOPES],
    /// The thread's place in its pool.
    place: Cell<Option<Place>>,
    random: Random,
    names: [Cell<CachedName>; NAMES],
}

thread_local! {
    static STATE: ThreadState = const {
        ThreadState {
            taken: Cell::new(false),
            waiting: Cell::new(false),
            slot: Cell::new(slot::EMPTY),
            shard: Cell::new(NonNull::dangling()),
            tracer: Cell::new(NonNull::dangling()),
            current: Cell::new(Context::NOTHING),
            handed_out: Cell::new(false),
            depth: Cell::new(0),
            next_scope: Cell::new(0),
            scopes: [const { Cell::new(0) }; SCOPES],
            place: Cell::new(None),
            random: Random::new(),
            names: [const { Cell::new(CachedName::NONE) }; NAMES],
        }
    };
}

/// This thread's state. Not a closure's argument, so that hot callers compile to straight code.
#[inline(always)]
pub(crate) fn state() -> &'static ThreadState {
    // SAFETY: the state has no destructor and is initialised by a constant, so it is valid for as long as the thread
    // runs. A reference to it can't leave the thread, because its cells are not `Sync`.
    STATE.with(|state| unsafe { &*ptr::from_ref(state) })
}

impl ThreadState {
    /// Runs in the child of a fork: neither the shard in the slot, nor the numbers of names, nor the random numbers to come
    /// are this process's.
    fn after_fork(&self) {
        self.empty();
        self.names.iter().for_each(|name| name.set(CachedName::NONE));
        self.random.forget_seed();
    }

    /// A random number.
    #[inline]
    pub(crate) fn random(&self) -> u64 {
        self.random.next()
    }
}

/// Marks this thread as one that never records. Call it first on each thread that an exporter starts, in a runtime's
/// `on_thread_start` for example. Otherwise the exporter would export spans of its own requests, and with
/// [`Builder::complete`](crate::Builder::complete) it would wait for itself.
///
/// Threads of Heirloom's exporters and of `OtelExporter` are marked already. A span that this thread started before can still be
/// ended here. `flush` and `finish` return an error here.
///
/// ```
/// # let guard = heirloom_core::builder("app").start()?;
/// let tracer = guard.tracer().clone();
/// let sender = std::thread::spawn(move || {
///     heirloom_core::never_record_here();
///     tracer.root("request").is_recording()
/// });
/// assert_eq!(sender.join().ok(), Some(false));
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub fn never_record_here() {
    crate::life::enter_pipeline();
    let state = state();
    if !state.is_nested() {
        state.empty();
    }
}
