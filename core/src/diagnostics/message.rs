//! [`Diagnostic`]: one message.

use crate::text;
use std::fmt;

/// The maximum length of a message, in bytes: a reason may contain the text of a backend's response.
const MAX_BYTES: usize = 4096;

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Something was lost, ignored or delayed, and counted.
    Warn,
    /// A part of Heirloom doesn't work any more.
    Error,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A setting can't be used and is ignored.
    Setting,
    /// Spans were not recorded: their thread's shard was full.
    ShardFull,
    /// Spans were not recorded: the rings of all threads together had reached their bound.
    RingBytes,
    /// Spans were not recorded: too many were open on their thread.
    TooManyOpen,
    /// Spans were not recorded: the root of their trace was not.
    RootNotRecorded,
    /// Spans were not recorded: their tracer had finished.
    TracerFinished,
    /// Records were dropped inside another record, in a signal handler for example.
    Nested,
    /// Spans were not recorded: their thread was exiting.
    ThreadExit,
    /// Spans were not recorded: there was no memory for a shard, or no free shard in a worker's region.
    NoShard,
    /// Updates were lost: no span was current, or there was no room.
    MissedUpdate,
    /// Records arrived after their span was finished.
    Late,
    /// Values were cut to a limit.
    Truncated,
    /// Spans were open at the end of their tracer or of their process.
    StillOpen,
    /// Spans started a trace because no span was current on their thread.
    ImplicitRoot,
    /// Records were invalid.
    InvalidRecord,
    /// A shard of a child process broke the rules of its region and was quarantined.
    Quarantined,
    /// Spans of a child process were counted and not recorded: the process ended, or the tracer finished, in the middle of
    /// the call that started them.
    Unpublished,
    /// A span's parent was never exported.
    Orphan,
    /// There is no exporter.
    NoExporter,
    /// An exporter's queue was full.
    QueueFull,
    /// An exporter returned an error.
    ExportFailed,
    /// A call of an exporter takes longer than its `export_timeout`. Its spans stay in the queue until it returns.
    ExportTimedOut,
    /// An exporter panicked.
    ExporterPanicked,
    /// An exporter did not deliver its queue before the deadline or the end of the process. Or the parent of an attached
    /// child has ended, which had to deliver its spans.
    NotDelivered,
    /// An exporter can't deliver at present, and tries again.
    Retrying,
    /// The end of a tracer, or a flush before it, was not complete.
    NotFinished,
    /// The mode in which nothing is dropped ([`Builder::complete`](crate::Builder::complete)) has ended.
    NotComplete,
    /// The trace file can't be written, has another name, or has no lock.
    TraceFile,
    /// The tracestate or the baggage of a trace was lost.
    LostTracestate,
    /// A process can't record into its parent's region, and records separately.
    NotAttached,
    /// A tracer could not be started.
    NotStarted,
    /// The CPU time of threads can't be read.
    NotSampled,
    /// A bug in Heirloom.
    Bug,
    /// Messages were left out: they came faster than they were written.
    LeftOut,
}

/// A message for the operator of the program. See the [module](crate::diagnostics) for what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    level: Level,
    cause: Cause,
    component: Option<String>,
    message: String,
}

impl Diagnostic {
    /// A message: one sentence, without a full stop. Control characters, line breaks among them, become spaces, and it is
    /// cut to 4096 bytes.
    pub fn new(level: Level, cause: Cause, message: impl AsRef<str>) -> Self {
        let message = text::cut(message.as_ref(), MAX_BYTES);
        let message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { level, cause, component: None, message }
    }

    /// Names the exporter or the other component that the message is about.
    pub fn about(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// How serious it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What it is about.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The name of the exporter or the other component that it is about.
    pub fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// The text, without the prefix `heirloom: `. One line.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The message's text.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
