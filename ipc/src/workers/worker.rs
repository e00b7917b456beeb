//! [`Worker`]: a named function that worker processes run.

use super::builder::PoolBuilder;
use super::codec::{from_bytes, to_bytes};
use super::message::Verdict;
use heirloom_core::mark::FanOut;
use heirloom_core::{Span, SpanId};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::any::type_name;
use std::cell::Cell;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A named function that worker processes run. Pool and worker match by the name.
///
/// Make it a `static`, list it in [`serve`](super::serve), and start pools of it. The span of each job has this name.
pub struct Worker<J, R> {
    name: &'static str,
    run: fn(&Span, J) -> R,
}

impl<J, R> Worker<J, R> {
    /// A worker with this name. Each name must be unique in a program.
    pub const fn new(name: &'static str, run: fn(&Span, J) -> R) -> Self {
        Self { name, run }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<J, R> Worker<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    /// The settings of a pool of processes that run this function. [`start`](PoolBuilder::start) starts it.
    pub fn pool(&self) -> PoolBuilder<J, R> {
        PoolBuilder::new(self.name)
    }
}

/// The trait of the arguments of [`serve`](super::serve): any [`Worker`].
pub trait Serve: Sync + sealed::Run {}

impl<T: Sync + sealed::Run> Serve for T {}

pub(super) mod sealed {
    use crate::workers::message::Verdict;
    use heirloom_core::mark::FanOut;
    use heirloom_core::SpanId;

    pub trait Run {
        /// Its name, and the types of its jobs and replies.
        fn describe(&self) -> (&'static str, &'static str, &'static str);

        /// Runs one job in a span of this fan-out. Appends the reply to `reply`, or the text of the error. Returns the span's id
        /// too, which is invalid if it isn't recorded.
        fn run(&self, fan: FanOut, job: &[u8], reply: &mut Vec<u8>) -> (Verdict, SpanId);
    }
}

impl<J, R> sealed::Run for Worker<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    fn describe(&self) -> (&'static str, &'static str, &'static str) {
        (self.name, type_name::<J>(), type_name::<R>())
    }

    fn run(&self, fan: FanOut, job: &[u8], reply: &mut Vec<u8>) -> (Verdict, SpanId) {
        let id = Cell::new(SpanId::INVALID);
        let verdict = match catch_unwind(AssertUnwindSafe(|| self.try_run(fan, job, &id))) {
            Ok(Ok(bytes)) => {
                reply.extend_from_slice(&bytes);
                Verdict::Done
            }
            Ok(Err(text)) => {
                reply.extend_from_slice(text.as_bytes());
                Verdict::Failed
            }
            Err(panic) => {
                reply.extend_from_slice(panic_message(&*panic).as_bytes());
                Verdict::Panicked
            }
        };
        (verdict, id.get())
    }
}

impl<J: DeserializeOwned, R: Serialize> Worker<J, R> {
    /// The span ends before the reply is serialised, so before the pool gets it.
    fn try_run(&self, fan: FanOut, job: &[u8], id: &Cell<SpanId>) -> Result<Vec<u8>, String> {
        let job = from_bytes(job).map_err(|error| format!("the worker can't deserialise the job: {error}"))?;
        let reply = fan.in_span(self.name, |span| {
            if span.is_recording() {
                id.set(span.context().span_id());
            }
            (self.run)(span, job)
        });
        to_bytes(&reply).map_err(|error| format!("the reply can't be serialised: {error}"))
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text message")
}

impl<J, R> fmt::Debug for Worker<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).finish_non_exhaustive()
    }
}
