//! What the keeper of a worker is told, and by whom.

use super::message::Hello;
use std::io;

/// A message to a keeper.
pub(super) enum Event {
    /// From the threads of the process with this number.
    From(u64, News),
    /// The job with this id has outlived its deadline and the grace after it; its worker has not answered.
    Overdue(u64),
    /// The pool is closed and all jobs are done.
    Close,
    /// The pool is closed; jobs that are not done have failed.
    Kill,
}

/// What happened to one worker process.
pub(super) enum News {
    Hello(Result<Box<Hello>, NoHello>),
    /// The process has ended and waits to be reaped.
    Ended,
    /// What it sends is not understood, or nothing can be sent to it.
    Broken(String),
}

/// Why there is no hello.
pub(super) enum NoHello {
    /// Nothing could be received.
    Io(io::Error),
    /// Something was received.
    Unreadable(String),
    /// The worker disconnected, or is about to end.
    BrokeOff,
}
