//! The messages to the keeper of a worker.

use super::message::Hello;
use std::io;

/// A message to a keeper.
pub(super) enum Event {
    /// From the threads of the process with this number.
    From(u64, News),
    /// The deadline of the job with this id has passed, and the grace period too. Its worker has not answered.
    Overdue(u64),
    /// The pool is closed and all jobs are done.
    Close,
    /// The pool is closed. Jobs that were not done have failed.
    Kill,
}

/// What happened to one worker process.
pub(super) enum News {
    Hello(Result<Box<Hello>, NoHello>),
    /// The process has ended and is not reaped yet.
    Ended,
    /// Its messages are invalid, or nothing can be sent to it.
    Broken(String),
}

/// The reason why there is no hello.
pub(super) enum NoHello {
    /// Receiving failed.
    Io(io::Error),
    /// The received message is invalid.
    Unreadable(String),
    /// The worker disconnected, or is about to end.
    BrokeOff,
}
