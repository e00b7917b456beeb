//! The standard library's atomics, cells and locks, or loom's. Only this file chooses. It also has the memory orderings
//! on which a shard's protocol depends ([`Edge`]).

#[cfg(not(loom))]
pub(crate) use {
    crossbeam_queue::SegQueue,
    std::{
        cell::Cell,
        sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering},
        sync::{Mutex, MutexGuard},
    },
};

#[cfg(loom)]
pub(crate) use loom::{
    cell::Cell,
    sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering},
    sync::{Mutex, MutexGuard},
};

/// An access to a position or a claim that passes words of the ring from one side to the other.
///
/// The orderings are here, and not at the accesses, so that each can be weakened alone, to prove that tests detect it:
/// under loom while the test runs, and with `--cfg heirloom_mutant="publish"` in a real run under a sanitizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The writer makes records readable: its store of `head`. Pairs with `SeeHead`.
    Publish,
    /// The collector's load of `head`.
    SeeHead,
    /// The collector frees room: its store of `tail`. Pairs with `SeeTail`.
    Free,
    /// The writer's load of `tail`.
    SeeTail,
    /// The collector starts and ends freeing memory: its exchanges of the claim. Pairs with `SeeClaim`.
    Reclaim,
    /// The writer's load and exchange of the claim.
    SeeClaim,
}

impl Edge {
    #[inline(always)]
    pub(crate) fn order(self) -> Ordering {
        if self.is_weakened() {
            return Ordering::Relaxed;
        }
        match self {
            Edge::Publish | Edge::Free | Edge::Reclaim => Ordering::Release,
            Edge::SeeHead | Edge::SeeTail | Edge::SeeClaim => Ordering::Acquire,
        }
    }

    #[cfg(not(loom))]
    #[inline(always)]
    fn is_weakened(self) -> bool {
        cfg!(heirloom_mutant = "publish") && matches!(self, Edge::Publish)
    }

    #[cfg(loom)]
    fn is_weakened(self) -> bool {
        WEAKENED.with(|edge| edge.get() == Some(self))
    }
}

#[cfg(loom)]
std::thread_local! {
    /// The edge that is weakened in the model on this thread. Loom runs all threads of a model on one real thread.
    pub(crate) static WEAKENED: std::cell::Cell<Option<Edge>> = const { std::cell::Cell::new(None) };
}

/// Crossbeam's queue, replaced by one of which loom sees every step.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct SegQueue<T>(Mutex<std::collections::VecDeque<T>>);

#[cfg(loom)]
impl<T> SegQueue<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(std::collections::VecDeque::new()))
    }

    fn lock(&self) -> MutexGuard<'_, std::collections::VecDeque<T>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn push(&self, item: T) {
        self.lock().push_back(item);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.lock().pop_front()
    }
}
