//! What a thread knows: its shard, what is current, its cache of names.
//!
//! The hot state ([`ThreadState`]) has no destructor, so reading it costs one instruction and works at any time, in a signal
//! handler and while the thread exits. It is one struct and one access; what belongs together stands in a file:
//!
//! | file | what it does |
//! |---|---|
//! | `slot.rs` | the shard that the thread used last, and who may append to it |
//! | `leases.rs` | the shards that the thread holds, in a thread-local with a destructor, which gives them back |
//! | `scopes.rs` | which context is current, and until when |
//! | `names.rs` | the numbers of static names |
//!
//! Whether the thread may record at all is in [`life`](crate::life).
#![allow(unsafe_code)]

mod leases;
mod names;
mod scopes;
mod slot;

pub(crate) use leases::after_fork;
pub(crate) use names::Placed;
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
    /// Somebody is appending, or changes what is in the slot.
    taken: Cell<bool>,
    slot: Cell<u64>,
    shard: Cell<NonNull<Shard>>,
    tracer: Cell<NonNull<Shared>>,
    pub(crate) current: Cell<Context>,
    /// What is current was handed out since it became so.
    pub(crate) handed_out: Cell<bool>,
    /// How many scopes there are inside each other.
    depth: Cell<u32>,
    /// The number of the next scope.
    next_scope: Cell<u32>,
    /// The number of the scope at each depth.
    scopes: [Cell<u32>; SCOPES],
    random: Random,
    names: [Cell<CachedName>; NAMES],
}

thread_local! {
    static STATE: ThreadState = const {
        ThreadState {
            taken: Cell::new(false),
            slot: Cell::new(slot::EMPTY),
            shard: Cell::new(NonNull::dangling()),
            tracer: Cell::new(NonNull::dangling()),
            current: Cell::new(Context::INERT),
            handed_out: Cell::new(false),
            depth: Cell::new(0),
            next_scope: Cell::new(0),
            scopes: [const { Cell::new(0) }; SCOPES],
            random: Random::new(),
            names: [const { Cell::new(CachedName::NONE) }; NAMES],
        }
    };
}

/// This thread's state. Not a closure's argument, so that hot callers compile to straight code.
#[inline(always)]
pub(crate) fn state() -> &'static ThreadState {
    // SAFETY: the state has no destructor and is initialised by a constant, so it is there for as long as the thread is.
    // A reference to it can't leave the thread, since its cells are not `Sync`.
    STATE.with(|state| unsafe { &*ptr::from_ref(state) })
}

impl ThreadState {
    /// A random number.
    #[inline]
    pub(crate) fn random(&self) -> u64 {
        self.random.next()
    }
}
