//! Locks and channels that record who waited for whom: [`Mutex`], [`RwLock`] and [`Condvar`] on
//! [`parking_lot`], channels on [`crossbeam_channel`].
//!
//! They have the API of the plain types. A program changes its `use` lines, and the analysis of a recorded run can name the lock
//! for which threads waited, and the span that held it.
//!
//! ```
//! use heirloom_pool::sync::{unbounded, Mutex};
//! let cache = Mutex::named("cache", Vec::new()); // `Mutex::new(..)` is named by its file and line
//! let (jobs, queue) = unbounded();
//! heirloom_core::in_root("index", |_root| {
//!     std::thread::scope(|s| {
//!         s.spawn(|| queue.iter().for_each(|word: &str| cache.lock().push(word.len())));
//!         ["a", "parallel", "program"].into_iter().for_each(|word| jobs.send(word).unwrap());
//!         drop(jobs);
//!     });
//! });
//! assert_eq!(cache.into_inner(), [1, 8, 7]);
//! ```
//!
//! | recorded | when |
//! |---|---|
//! | a wait: its lock, the span that held it when the wait began, the span that ended the wait | it took more than a microsecond |
//! | the number and the sum of shorter waits, acquisitions, hand-offs | with every longer wait, every 64th shorter one, and from time to time |
//! | a hold while others waited | it took more than a microsecond |
//! | a hold, as a sample | one in 64, whether anything waited or not |
//! | the name of a lock | before the first of these |
//!
//! The thread that flushes the sums records them, so they may include another thread's. A hold that began before anything waited
//! for it, and is no sample, has no known start: it is recorded from the start of the first wait. A *hand-off* is an acquisition
//! after a wait. Readers that start at the same time may be counted as one.
//!
//! A message has its sender's current context with it: [`Receiver::recv`] returns the message,
//! [`recv_with_context`](Receiver::recv_with_context) both. [`select!`] and [`Select`] wait for one of several channels.
//!
//! # Cost
//!
//! Where nothing waits, a lock and its release take two stores and a read of a thread-local beside the plain type's work, about a
//! nanosecond, and two clock reads for one hold in 64. A lock has some 150 bytes more than the plain one. A message is 32 bytes
//! longer: sent and received it takes 5 ns more, on an unbounded channel 10 ns (the repository's
//! `docs/decisions/0023-a-message-has-its-context.md`). A wait takes two clock reads and a further lock, which only threads that
//! wait for the same lock use. Nothing allocates, except for [`Select`].
//!
//! # Without a tracer, without the feature `record`
//!
//! Everything works without a tracer, and nothing is recorded. Without the feature `record` of this crate the types are the plain
//! ones in a wrapper without a size.

mod channel;
mod condvar;
mod guard;
mod mutex;
mod rwlock;
#[cfg(feature = "record")]
mod totals;
#[cfg_attr(not(feature = "record"), path = "unwatched.rs")]
mod watch;

pub use crate::{select, select_biased};
pub use channel::{
    bounded, bounded_named, never, unbounded, unbounded_named, IntoIter, Iter, Receiver, Receiving, Select,
    SelectedOperation, Sender, Sending, TryIter,
};
pub use condvar::Condvar;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use rwlock::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};

#[doc(no_inline)]
pub use crossbeam_channel::{
    after, at, tick, ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError, SendTimeoutError,
    TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
#[doc(no_inline)]
pub use parking_lot::WaitTimeoutResult;
