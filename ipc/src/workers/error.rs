//! One error type per operation. An error gives the job back if that is possible.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// How a worker process ended.
///
/// Its text has the process id, the exit status and the reason, and not the worker's stderr, because the text of a job's error
/// is often recorded in a span.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Death {
    /// Its process id; zero if there was no process.
    pub pid: u32,
    /// Its exit code or signal; `None` if other code reaped the process.
    pub exit: Option<ExitStatus>,
    /// The last 4 KiB of its stderr, unchanged. No span has them, unless the pool was built with `record_stderr`.
    pub stderr_tail: String,
    /// The reason why the pool ended it, or why it could not be started; `None` if it ended without the pool.
    pub reason: Option<String>,
}

/// The reason why a pool did not start. Nothing is left behind: no process, thread, descriptor or file.
///
/// `Debug` writes the same text as `Display`, since that is what a `main` that returns the error prints.
#[non_exhaustive]
pub enum StartError {
    /// This process is a worker, and workers don't start pools unless [`nested`](super::PoolBuilder::nested) allows it.
    /// Otherwise a program that forgot to call [`serve`](super::serve) would start itself without end.
    InsideWorker,
    /// The workers are this program started again, but it never called [`serve`](super::serve).
    NotServed,
    /// This program has more rights than its user (setuid, setgid, file capabilities). Its workers would have them too, and
    /// would not accept the pool's invitation, because it is in an environment variable.
    Elevated,
    /// The operating system can't run the executable.
    Spawn {
        /// The executable.
        executable: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
    /// The process ended before it sent its hello.
    Exited(Death),
    /// The process did not send its hello in time, and was killed.
    TimedOut {
        /// How long the pool waited.
        after: Duration,
        /// The process.
        death: Death,
    },
    /// This pool can't use the process as a worker: it has another version, other names or other types.
    Mismatch {
        /// What differs.
        difference: String,
        /// The process, which was killed.
        death: Death,
    },
    /// The operating system has no descriptor, thread or temporary file left.
    Io(io::Error),
    /// The pool was shut down meanwhile.
    ShutDown,
}

/// The reason why a job was not taken. Each gives the job back.
#[non_exhaustive]
pub enum SubmitError<J> {
    /// The queue stayed full until the deadline.
    Full(J),
    /// The job is larger than the maximum size of a message.
    TooLarge {
        /// The job.
        job: J,
        /// Its size in bytes.
        bytes: usize,
        /// The maximum size that [`message_bytes`](super::PoolBuilder::message_bytes) allows.
        limit: usize,
    },
    /// The job's `Serialize` failed.
    Unserialisable {
        /// The job.
        job: J,
        /// Its error.
        message: String,
    },
    /// The pool was shut down.
    ShutDown(J),
}

/// The reason why a job has no reply. `job` is the job itself; `None` only if it can't be deserialised from its bytes.
#[non_exhaustive]
pub enum JobError<J> {
    /// The job panicked. Its worker goes on.
    Panicked {
        /// The job.
        job: Option<J>,
        /// The panic's message.
        message: String,
    },
    /// The worker died while it ran this job, and no retry was left.
    WorkerDied {
        /// The job.
        job: Option<J>,
        /// How the worker died.
        death: Box<Death>,
    },
    /// The job or its reply is too large, or its `Serialize` or `Deserialize` failed.
    Message {
        /// The job.
        job: Option<J>,
        /// The error, and where it happened.
        message: String,
    },
    /// No worker is left, and none may be started again.
    NoWorkers {
        /// The job.
        job: Option<J>,
        /// How the last worker died.
        death: Box<Death>,
    },
    /// The job was not done by its [`deadline`](super::Submission::deadline). If a worker had started it and doesn't answer
    /// soon, that worker is killed and replaced.
    DeadlineExceeded {
        /// The job.
        job: Option<J>,
        /// The deadline, as a time since the submission.
        after: Duration,
    },
    /// The pool was shut down or dropped before the job was done.
    ShutDown {
        /// The job.
        job: Option<J>,
    },
    /// [`map`](super::Pool::map) could not submit it.
    NotSubmitted(SubmitError<J>),
}

impl<J> SubmitError<J> {
    /// The job.
    pub fn into_job(self) -> J {
        match self {
            SubmitError::Full(job)
            | SubmitError::ShutDown(job)
            | SubmitError::TooLarge { job, .. }
            | SubmitError::Unserialisable { job, .. } => job,
        }
    }
}

impl<J> JobError<J> {
    /// The job, to submit it again or to report it.
    pub fn into_job(self) -> Option<J> {
        match self {
            JobError::Panicked { job, .. }
            | JobError::WorkerDied { job, .. }
            | JobError::Message { job, .. }
            | JobError::NoWorkers { job, .. }
            | JobError::DeadlineExceeded { job, .. }
            | JobError::ShutDown { job } => job,
            JobError::NotSubmitted(error) => Some(error.into_job()),
        }
    }

    /// Whether the job was not done by its deadline.
    pub fn is_deadline(&self) -> bool {
        matches!(self, JobError::DeadlineExceeded { .. })
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, &self.exit) {
            (0, _) => f.write_str("no process")?,
            (pid, Some(exit)) => write!(f, "process {pid}, {exit}")?,
            (pid, None) => write!(f, "process {pid}, exit status unknown")?,
        }
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

/// A death with the end of the worker's stderr, for errors of a start. The pool records no such text.
struct WithStderr<'a>(&'a Death);

impl fmt::Display for WithStderr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        match self.0.stderr_tail.trim() {
            "" => Ok(()),
            tail => write!(f, "; its last output on stderr: {tail}"),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::InsideWorker => f.write_str(
                "this process was started as a worker, and workers don't start pools: call `workers::serve` first in \
                 `main`, or allow it with `nested(true)`",
            ),
            StartError::NotServed => f.write_str(
                "workers are this program started again, but it never called `workers::serve`: call it first in `main`; \
                 in tests use `test_entry`; or name another program with `executable`",
            ),
            StartError::Elevated => f.write_str(
                "this program has more rights than the user who started it (setuid, setgid or file capabilities), so its \
                 workers would ignore their invitation, an environment variable: start the pool in a program without them",
            ),
            StartError::Spawn { executable, error } => write!(f, "can't run {}: {error}", executable.display()),
            StartError::Exited(death) => {
                write!(f, "a worker ended before it was ready (does its `main` call `workers::serve` first?): {}", WithStderr(death))
            }
            StartError::TimedOut { after, death } => {
                write!(f, "a worker was not ready after {after:?} (does its `main` call `workers::serve` first?): {}", WithStderr(death))
            }
            StartError::Mismatch { difference, death } => write!(f, "this pool can't use its worker (is it built from the same version?): {difference}: {}", WithStderr(death)),
            StartError::Io(error) => write!(f, "can't start workers: {error}"),
            StartError::ShutDown => f.write_str("the pool was shut down while its workers started"),
        }
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<J> fmt::Display for SubmitError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubmitError::Full(_) => f.write_str("the pool's queue is full; wait and submit again, or raise `queue`"),
            SubmitError::TooLarge { bytes, limit, .. } => {
                write!(f, "the job has {bytes} bytes, more than the limit of {limit}; raise `message_bytes`")
            }
            SubmitError::Unserialisable { message, .. } => write!(f, "the job can't be serialised: {message}"),
            SubmitError::ShutDown(_) => f.write_str("the pool was shut down"),
        }
    }
}

impl<J> fmt::Display for JobError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked { message, .. } => write!(f, "the job panicked: {message}"),
            JobError::WorkerDied { death, .. } => write!(f, "the worker died while it ran the job: {death}"),
            JobError::Message { message, .. } => f.write_str(message),
            JobError::NoWorkers { death, .. } => {
                write!(
                    f,
                    "no worker is left, because they died more often than `restarts` allows; the last one: {death}"
                )
            }
            JobError::DeadlineExceeded { after, .. } => {
                write!(f, "the job was not done within its deadline of {after:?}; allow more, or split it")
            }
            JobError::ShutDown { .. } => f.write_str("the pool was shut down before the job was done"),
            JobError::NotSubmitted(error) => error.fmt(f),
        }
    }
}

// Implemented by hand, so that jobs need no `Debug`.

impl<J> fmt::Debug for SubmitError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubmitError::Full(_) => f.write_str("Full(..)"),
            SubmitError::TooLarge { bytes, limit, .. } => {
                f.debug_struct("TooLarge").field("bytes", bytes).field("limit", limit).finish_non_exhaustive()
            }
            SubmitError::Unserialisable { message, .. } => {
                f.debug_struct("Unserialisable").field("message", message).finish_non_exhaustive()
            }
            SubmitError::ShutDown(_) => f.write_str("ShutDown(..)"),
        }
    }
}

impl<J> fmt::Debug for JobError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked { message, .. } => {
                f.debug_struct("Panicked").field("message", message).finish_non_exhaustive()
            }
            JobError::WorkerDied { death, .. } => {
                f.debug_struct("WorkerDied").field("death", death).finish_non_exhaustive()
            }
            JobError::Message { message, .. } => {
                f.debug_struct("Message").field("message", message).finish_non_exhaustive()
            }
            JobError::NoWorkers { death, .. } => {
                f.debug_struct("NoWorkers").field("death", death).finish_non_exhaustive()
            }
            JobError::DeadlineExceeded { after, .. } => {
                f.debug_struct("DeadlineExceeded").field("after", after).finish_non_exhaustive()
            }
            JobError::ShutDown { .. } => f.write_str("ShutDown { .. }"),
            JobError::NotSubmitted(error) => f.debug_tuple("NotSubmitted").field(error).finish(),
        }
    }
}

impl std::error::Error for StartError {}
impl<J> std::error::Error for SubmitError<J> {}
impl<J> std::error::Error for JobError<J> {}
