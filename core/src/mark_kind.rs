//! The words of marks: what kinds there are, and the causes and stages in them. Their numbers are part of the format of
//! records and of exported files.

macro_rules! vocabulary {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$each:meta])* $variant:ident = $number:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$each])* $variant = $number,)* }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Their names and numbers.
            #[cfg(feature = "record")]
            pub(crate) const NUMBERS: &'static [(&'static str, u64)] = &[$((stringify!($variant), $number)),*];

            /// The variant with this number, as it is in a record or a file.
            pub const fn of(number: u64) -> Option<Self> {
                $(if number == $number {
                    return Some($name::$variant);
                })*
                None
            }
        }
    };
}

vocabulary! {
    /// What a mark says. The fields `length_ns`, `a` to `d` and `text` of a mark mean something else for each kind; a field that
    /// isn't listed is zero. Times are nanoseconds.
    pub enum MarkKind {
        /// A fan-out begins. `a`: its id; `b`: its [`FanKind`], plus 256 if the thread that waits for it blocks outside the pool;
        /// `c`: the id of the fan-out in whose strand under the same parent it begins, or zero. `span`: its parent.
        Fan = 1,
        /// The thread that waited for a fan-out goes on. `a`: the fan-out's id. `span`: its parent.
        Join = 2,
        /// A stolen piece of a fan-out that has no span ran from `time_ns` for `length_ns`. `a`: the fan-out's id.
        /// `span`: its parent.
        Strand = 3,
        /// A thread was blocked from `time_ns` for `length_ns`, or a task waited ([`WaitCause::Await`]). `a`: the [`WaitCause`];
        /// `b`: the lock's or channel's id, or zero; `c`: the span that held the lock when the wait began; `d`: the span that
        /// released it, that sent the message, or that is the job's. `span`: the waiting span, or zero.
        Wait = 4,
        /// A lock was held from `time_ns` for `length_ns`. `a`: 1 if others waited, 0 if this is a sample (one hold in 64);
        /// `b`: the lock's id. `span`: the holding span, or zero.
        Hold = 5,
        /// What a lane did with a lock since its last such mark. `length_ns`: the sum of the waits under a microsecond; `a`: their
        /// number; `b`: the lock's id; `c`: acquisitions; `d`: hand-offs.
        LockTotals = 6,
        /// The name of a lock or channel. `a`: its [`LockKind`]; `b`: its id; `text`: its name, or the place where it was made.
        LockName = 7,
        /// A job reached another stage. `a`: the [`StageKind`]; `b`: the pool's id, or zero; `c`: the span that submitted a
        /// background job and doesn't wait for it, if that is recorded, or zero. `span`: the job's span.
        Stage = 8,
        /// A span was polled from `time_ns` for `length_ns`. `span`: the polled span.
        Poll = 9,
        /// The lane's place in its pool. `a`: the thread's index; `b`: the pool's id; `c`: the pool's number of threads; `text`:
        /// the pool's name.
        Pool = 10,
        /// A sample of the lane that ends at `time_ns` and covers `length_ns`. `a`: the CPU time in it; `b`: the time that it
        /// waited for a CPU. Nanoseconds.
        Cpu = 11,
        /// A sample of the process that ends at `time_ns` and covers `length_ns`. `a`: the CPU time of all its threads; `b`: the
        /// CPU time of all other processes; `c`: its page faults; `d`: what recording cost threads, at least, in CPU time: 2.5
        /// readings of the clock for each span that began, in this process and in those that record into it (zero in the samples of
        /// those). Times in nanoseconds.
        Load = 12,
        /// Older marks of the process are missing: no span ended that could carry them, and too many waited. `a`: how many, since
        /// the last mark of this kind. `time_ns`: when the last of them were forgotten.
        Forgotten = 13,
        /// A sample of Heirloom's own threads in the process that ends at `time_ns` and covers `length_ns`. `a`: the CPU time of
        /// the collector and of the exporters. Nanoseconds.
        Collector = 14,
    }
}

impl MarkKind {
    /// Whether marks of this kind cover a length of time.
    pub const fn has_length(self) -> bool {
        use MarkKind::*;
        matches!(self, Strand | Wait | Hold | LockTotals | Poll | Cpu | Load | Collector)
    }

    /// Whether the collector makes marks of this kind, so that no record has it.
    #[cfg(feature = "record")]
    pub(crate) const fn is_collectors(self) -> bool {
        use MarkKind::*;
        matches!(self, Cpu | Load | Forgotten | Collector)
    }
}

vocabulary! {
    /// What started independent work.
    pub enum FanKind {
        /// A parallel iterator.
        Iterator = 1,
        /// The two halves of a `join`.
        Join = 2,
        /// The jobs of a scope.
        Scope = 3,
        /// A closure that runs on each thread of a pool.
        Broadcast = 4,
        /// Jobs of a pool of worker processes.
        Workers = 5,
    }
}

vocabulary! {
    /// Why a thread was blocked, or why a task waited.
    pub enum WaitCause {
        /// `install` into a pool, or a parallel iterator from a thread outside of the pool.
        Install = 1,
        /// The end of a scope, or of the other half of a `join`.
        Scope = 2,
        /// The end of a thread.
        Thread = 3,
        /// Results of a pool of worker processes.
        Workers = 4,
        /// A job, by its handle.
        Job = 5,
        /// Room in a full queue or channel.
        Full = 6,
        /// A message in an empty queue or channel.
        Empty = 7,
        /// A mutex.
        Mutex = 8,
        /// A lock for reading.
        Read = 9,
        /// A lock for writing.
        Write = 10,
        /// A condition variable.
        Condvar = 11,
        /// A job, by `.await` of its handle, or, if no span ended it, room in a full queue of jobs. A task waited, and no thread
        /// was blocked.
        Await = 12,
    }
}

vocabulary! {
    /// What a lock is.
    pub enum LockKind {
        /// A mutex.
        Mutex = 1,
        /// A lock for one writer or several readers.
        RwLock = 2,
        /// A condition variable.
        Condvar = 3,
        /// A channel.
        Channel = 4,
    }
}

vocabulary! {
    /// A stage of a job between its caller and its worker.
    pub enum StageKind {
        /// The caller handed it over.
        Submitted = 1,
        /// It was sent to its worker.
        Sent = 2,
        /// Its result arrived.
        Replied = 3,
        /// The caller took the result.
        Taken = 4,
    }
}
