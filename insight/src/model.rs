//! [`Run`]: what was recorded, in the form that the analysis needs.
//!
//! All times are nanoseconds since 1970 (UTC). A reference to another row is an index into the table of [`Run`] that its type
//! names. Tables are sorted by start, then by lane, so that the same input always gives the same analysis.

use heirloom_core::{SpanId, TraceId};
use std::ops::Range;
use std::sync::Arc;

/// An index into [`Run::spans`].
pub type SpanIx = u32;
/// An index into [`Run::lanes`].
pub type LaneIx = u32;
/// An index into [`Run::fans`].
pub type FanIx = u32;
/// An index into [`Run::locks`].
pub type LockIx = u32;
/// An index into [`Run::names`].
pub type NameIx = u32;
/// An index into [`Run::traces`].
pub type TraceIx = u32;

/// No index.
const NONE: u32 = u32::MAX;

/// What was recorded while a program ran, in one process or several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// `service.name`, or the file's name.
    pub program: String,
    /// The part of time that is looked at: from the first start to the last end.
    pub window: Range<u64>,
    /// The machine, as far as it is known.
    pub machine: Machine,
    /// The processes.
    pub processes: Vec<Process>,
    /// The threads that recorded.
    pub lanes: Vec<Lane>,
    /// The names of spans.
    pub names: Vec<Arc<str>>,
    /// The traces, sorted.
    pub traces: Vec<TraceId>,
    /// The spans.
    pub spans: Vec<Span>,
    /// For each span that is a leaf of a parallel iterator: the number of items that it covers. [`Run::items_of`] looks a span up.
    pub items: Vec<(SpanIx, u64)>,
    /// For each span below which spans are missing: their number.
    pub dropped_children: Vec<(SpanIx, u64)>,
    /// The fan-outs.
    pub fans: Vec<Fan>,
    /// Stolen pieces of fan-outs that have no span.
    pub strands: Vec<Strand>,
    /// Times at which a thread was blocked, by start.
    pub waits: Vec<Wait>,
    /// Locks and channels.
    pub locks: Vec<Lock>,
    /// Times at which a lock was held, as far as they were recorded.
    pub holds: Vec<Hold>,
    /// The times of a job in a queue.
    pub stages: Vec<Stage>,
    /// Polls of asynchronous spans, by start.
    pub polls: Vec<Poll>,
    /// CPU time of lanes, by lane and time.
    pub samples: Vec<Sample>,
    /// The machine's load.
    pub loads: Vec<Load>,
    /// What the input lacked, and what was guessed instead.
    pub notes: Vec<Note>,
}

impl Run {
    /// The trace of a span.
    pub fn trace_of(&self, span: &Span) -> TraceId {
        self.traces[span.trace as usize]
    }

    /// How many items of a parallel iterator a span covers, if it is a leaf of one. Takes a logarithm of the number of leaves.
    pub fn items_of(&self, span: SpanIx) -> Option<u64> {
        self.items.binary_search_by_key(&span, |row| row.0).ok().map(|at| self.items[at].1)
    }
}

/// The machine that the program ran on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// CPUs that the program may use (affinity, cgroup quota), if known.
    pub cpus: Option<f64>,
    /// Physical cores, if known.
    pub cores: Option<u32>,
}

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// The number that the operating system gave it.
    pub pid: u32,
    /// `service.name` of its resource.
    pub name: Arc<str>,
}

/// A thread that recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// An index into [`Run::processes`].
    pub process: u32,
    /// The number of the thread.
    pub thread_id: u64,
    /// The name of the thread.
    pub thread_name: Arc<str>,
    /// The pool that the thread belongs to, if it is known.
    pub pool: Option<PoolPlace>,
}

impl Lane {
    /// Whether the thread is known. Spans without `thread.id` are on one lane per process whose number is 0: they may have run on
    /// several threads, so nothing is known of the time of any of them.
    pub fn is_known(&self) -> bool {
        self.thread_id != 0
    }

    /// The name of the thread; of one without a name, its number: `thread 71`. Several lanes may have the same name.
    pub fn label(&self) -> String {
        match (&*self.thread_name, self.thread_id) {
            ("", 0) => "unknown threads".to_owned(),
            ("", id) => format!("thread {id}"),
            (name, _) => name.to_owned(),
        }
    }
}

/// A thread's place in its pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlace {
    /// The pool, unique in its process.
    pub pool: u64,
    /// What the pool is: `rayon`, `tokio`, or the name that it was given.
    pub name: Arc<str>,
    /// The thread's index in the pool.
    pub index: u32,
    /// The number of threads of the pool.
    pub size: u32,
}

/// A span: 48 bytes, because there may be ten million of them. What few spans have is in [`Run::items`] and
/// [`Run::dropped_children`].
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The id.
    pub id: SpanId,
    /// The start.
    pub start: u64,
    /// The end.
    pub end: u64,
    /// The trace.
    pub trace: TraceIx,
    parent: u32,
    /// The name.
    pub name: NameIx,
    /// The thread that started it.
    pub lane: LaneIx,
    fan: u32,
    /// Whether it ran on its lane from its start to its end, inside the spans around it there.
    pub nested: bool,
    /// Whether it was polled: it occupies a lane only during its polls.
    pub polled: bool,
    /// Whether it was still open when the trace ended, or when its process did.
    pub open: bool,
    /// Whether its status is an error.
    pub error: bool,
}

impl Span {
    /// A nested span without a parent and a fan-out, of the first trace.
    pub fn new(id: SpanId, name: NameIx, lane: LaneIx, time: Range<u64>) -> Self {
        Self {
            id,
            start: time.start,
            end: time.end,
            trace: 0,
            parent: NONE,
            name,
            lane,
            fan: NONE,
            nested: true,
            polled: false,
            open: false,
            error: false,
        }
    }

    /// The parent, if it is in the input.
    #[inline]
    pub fn parent(&self) -> Option<SpanIx> {
        some(self.parent)
    }

    /// Changes the parent.
    #[inline]
    pub fn set_parent(&mut self, parent: Option<SpanIx>) {
        self.parent = parent.unwrap_or(NONE);
    }

    /// The fan-out that it belongs to.
    #[inline]
    pub fn fan(&self) -> Option<FanIx> {
        some(self.fan)
    }

    /// Changes the fan-out that it belongs to.
    #[inline]
    pub fn set_fan(&mut self, fan: Option<FanIx>) {
        self.fan = fan.unwrap_or(NONE);
    }
}

fn some(index: u32) -> Option<u32> {
    (index != NONE).then_some(index)
}

/// What started independent work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FanKind {
    /// A parallel iterator.
    Iterator,
    /// The two halves of a `join`.
    Join,
    /// The jobs of a scope.
    Scope,
    /// A closure that runs on each thread of a pool.
    Broadcast,
    /// Jobs of a pool of worker processes.
    Workers,
    /// Guessed: children of one span that overlap in time, on other lanes.
    Guessed,
}

/// A fan-out: work whose pieces don't depend on each other, and what waits for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fan {
    /// The id that its children have.
    pub id: u64,
    /// What started it.
    pub kind: FanKind,
    /// The fan-out that it is a piece of, if both are below the same span: a half of a `join` that calls `join`.
    pub within: Option<FanIx>,
    /// The span below which it is, if that is in the input.
    pub parent: Option<SpanIx>,
    /// The thread that started it.
    pub lane: LaneIx,
    /// The start.
    pub begin: u64,
    /// When the waiting thread went on, if one waited.
    pub join: Option<u64>,
    /// Whether the thread that started it was blocked until then, as one outside of the pool is.
    pub blocks: bool,
    /// Its children, by start.
    pub children: Vec<SpanIx>,
}

/// A piece of a fan-out that was stolen and has no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strand {
    /// The fan-out.
    pub fan: FanIx,
    /// The thread that ran it.
    pub lane: LaneIx,
    /// The start.
    pub start: u64,
    /// The end.
    pub end: u64,
}

/// Why a thread was blocked, or why a task waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitCause {
    /// `install` into a pool, or a parallel iterator from a thread outside of the pool.
    Install,
    /// The end of a scope, or of the other half of a `join`.
    Scope,
    /// The end of a thread.
    Thread,
    /// Results of a pool of worker processes.
    Workers,
    /// A job, by its handle.
    Job,
    /// Room in a full queue or channel.
    Full,
    /// A message in an empty queue or channel.
    Empty,
    /// A mutex.
    Mutex,
    /// A lock for reading.
    Read,
    /// A lock for writing.
    Write,
    /// A condition variable.
    Condvar,
    /// A task waited, and no thread was blocked: for a job, by `.await` of its handle; or, if [`Wait::releaser`] is `None`, for
    /// room in a full queue of jobs.
    Await,
}

/// A time at which a thread was blocked, or a task waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The thread that was blocked, or that polled the task when the wait had ended.
    pub lane: LaneIx,
    /// The span that waited.
    pub span: Option<SpanIx>,
    /// The start.
    pub start: u64,
    /// The end.
    pub end: u64,
    /// The cause.
    pub cause: WaitCause,
    /// The lock or channel.
    pub lock: Option<LockIx>,
    /// The span that held the lock when the wait began.
    pub holder: Option<SpanIx>,
    /// The span that ended the wait: it released the lock, sent or took the message, or is the job's span.
    pub releaser: Option<SpanIx>,
}

impl Wait {
    /// When it blocked its thread. The wait of a task blocked none: this is the moment of its end.
    pub fn blocked(&self) -> Range<u64> {
        match self.cause {
            WaitCause::Await => self.end..self.end,
            _ => self.start..self.end,
        }
    }
}

/// What a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A mutex.
    Mutex,
    /// A lock for one writer or several readers.
    RwLock,
    /// A condition variable.
    Condvar,
    /// A channel.
    Channel,
}

/// A lock or a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// Its name, or the place of its creation.
    pub name: Arc<str>,
    /// What it is.
    pub kind: LockKind,
    /// How often it was acquired, or messages were sent.
    pub acquisitions: u64,
    /// Waits of less than a microsecond: how many.
    pub short_waits: u64,
    /// Waits of less than a microsecond: nanoseconds in all.
    pub short_wait_ns: u64,
    /// How often it was handed to a waiting thread, so that no other thread could take it first.
    pub hand_offs: u64,
}

/// A time at which a lock was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The lock.
    pub lock: LockIx,
    /// The thread.
    pub lane: LaneIx,
    /// The span that held it.
    pub span: Option<SpanIx>,
    /// The start.
    pub start: u64,
    /// The end.
    pub end: u64,
    /// Whether another thread waited meanwhile. If not, it stands for 64 holds.
    pub contended: bool,
}

/// What happened to a job in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageKind {
    /// It was submitted.
    Submitted,
    /// It was sent to a worker process.
    Sent,
    /// The worker replied.
    Replied,
    /// The caller took the result.
    Taken,
}

/// A time in the life of a job. It begins when its span starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The span of the job.
    pub span: SpanIx,
    /// What happened.
    pub kind: StageKind,
    /// The thread on which it happened.
    pub lane: LaneIx,
    /// When it happened.
    pub at: u64,
    /// If a background job was submitted: the span that submitted it and doesn't wait for it. The job may be in another trace.
    pub by: Option<SpanIx>,
}

/// A poll of an asynchronous span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The span.
    pub span: SpanIx,
    /// The thread.
    pub lane: LaneIx,
    /// The start.
    pub start: u64,
    /// The end.
    pub end: u64,
}

/// The CPU time of a lane between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The thread.
    pub lane: LaneIx,
    /// The time of the sample before.
    pub start: u64,
    /// The time of this one.
    pub end: u64,
    /// Nanoseconds on a CPU.
    pub cpu_ns: u64,
    /// Nanoseconds in which it was ready and waited for a CPU.
    pub queue_ns: u64,
}

/// The load of the machine between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// An index into [`Run::processes`].
    pub process: u32,
    /// The time of the sample before.
    pub start: u64,
    /// The time of this one.
    pub end: u64,
    /// CPU time of this process, all threads: nanoseconds.
    pub cpu_ns: u64,
    /// CPU time of all other processes of the machine: nanoseconds.
    pub others_ns: u64,
    /// Page faults of this process, minor and major ones.
    pub page_faults: u64,
    /// What recording cost the threads of this process and of those that record into it, at least: nanoseconds of CPU time. Zero if
    /// it wasn't estimated.
    pub recording_ns: u64,
    /// CPU time of the collector of this process and of its exporters: nanoseconds.
    pub collecting_ns: u64,
}

/// What the input lacked.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What kind of thing it is.
    pub kind: NoteKind,
    /// A sentence for the reader.
    pub text: String,
}

/// The kinds of [`Note`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Spans are missing.
    Dropped,
    /// Spans were still open.
    Open,
    /// CPU time outside of spans.
    Untraced,
    /// Other processes used the machine.
    Busy,
    /// Something was guessed.
    Guessed,
    /// Something can't be shown.
    Missing,
    /// The file was cut off or had errors.
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_takes_48_bytes_and_may_be_without_a_parent_and_a_fan_out() {
        assert_eq!(size_of::<Span>(), 48);
        let mut span = Span::new(SpanId::from_u64(1), 0, 0, 1..2);
        assert_eq!((span.parent(), span.fan()), (None, None));
        span.set_parent(Some(0));
        span.set_fan(Some(7));
        assert_eq!((span.parent(), span.fan()), (Some(0), Some(7)));
        span.set_parent(None);
        assert_eq!(span.parent(), None);
    }
}
