//! Many jobs: their results in order, or as they complete.

use super::crew::deadline;
use super::error::{JobError, SubmitError};
use super::handle::decode;
use super::job::{Completion, Deadline, Job, Outcome, Terms};
use super::pool::Pool;
use super::room::Room;
use super::state::Refused;
use crate::baggage;
use heirloom_core::mark::{self, FanKind, FanOut, WaitCause};
use heirloom_core::{Baggage, Context};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::Fuse;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

/// Results in the order of completion, each with its job's index. From [`Pool::map_as_completed`].
#[must_use = "jobs are submitted only by `next`"]
pub struct AsCompleted<'p, J, R, I> {
    pool: &'p Pool<J, R>,
    terms: Terms,
    deadline: Option<Duration>,
    fan: MapFan,
    jobs: Fuse<I>,
    /// Number of jobs taken from `jobs`.
    taken: usize,
    outstanding: usize,
    /// A job that found the queue full.
    held: Option<(usize, J, Arc<Job>)>,
    to: Sender<(usize, Outcome)>,
    from: Receiver<(usize, Outcome)>,
}

/// Results in the order of the jobs. From [`Pool::map`].
#[must_use = "jobs are submitted only by `next`"]
pub struct Map<'p, J, R, I> {
    results: AsCompleted<'p, J, R, I>,
    next: usize,
    early: BTreeMap<usize, Result<R, JobError<J>>>,
}

impl<J, R> Pool<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    /// Runs all jobs and returns their results in the jobs' order.
    ///
    /// `next` submits jobs while the queue has room, and waits for the next result. Results that complete early are kept. `next`
    /// takes as long as the job does. To bound it, set a [`deadline`](Map::deadline), or call [`kill`](Self::kill) on another
    /// thread.
    ///
    /// The result of a job that can't be submitted is [`JobError::NotSubmitted`].
    pub fn map<I>(&self, cx: impl Into<Context>, jobs: I) -> Map<'_, J, R, I::IntoIter>
    where
        I: IntoIterator<Item = J>,
    {
        Map { results: self.map_as_completed(cx, jobs), next: 0, early: BTreeMap::new() }
    }

    /// As [`map`](Self::map), but returns results as they complete, each with its job's index.
    pub fn map_as_completed<I>(&self, cx: impl Into<Context>, jobs: I) -> AsCompleted<'_, J, R, I::IntoIter>
    where
        I: IntoIterator<Item = J>,
    {
        AsCompleted::new(self, cx.into(), jobs.into_iter())
    }
}

impl<'p, J, R, I> AsCompleted<'p, J, R, I>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
    I: Iterator<Item = J>,
{
    fn new(pool: &'p Pool<J, R>, cx: Context, jobs: I) -> Self {
        let (to, from) = mpsc::channel();
        let terms = Terms { cx, baggage: baggage::of(cx), deadline: None, fan: 0 };
        Self {
            pool,
            terms,
            deadline: None,
            fan: MapFan(None),
            jobs: jobs.fuse(),
            taken: 0,
            outstanding: 0,
            held: None,
            to,
            from,
        }
    }

    /// Maximum time for each job, from its submission: see
    /// [`Submission::deadline`](super::Submission::deadline).
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Sends baggage with each job: see [`Submission::with_baggage`](super::Submission::with_baggage).
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.terms.baggage = baggage;
        self
    }

    /// Submits jobs until the queue is full or no job is left. Returns a job that can't be submitted.
    fn top_up(&mut self) -> Option<(usize, SubmitError<J>)> {
        loop {
            let (index, job, wrapped) = match self.held.take() {
                Some(held) => held,
                None => {
                    let job = self.jobs.next()?;
                    let index = self.taken;
                    self.taken += 1;
                    self.terms.fan = self.fan.id(self.terms.cx);
                    self.terms.deadline = self.deadline.map(|after| Deadline { at: deadline(after), after });
                    match self.pool.wrap(&self.terms, job, Completion::Map(index, self.to.clone())) {
                        Ok((job, wrapped)) => (index, job, wrapped),
                        Err(error) => return Some((index, error)),
                    }
                }
            };
            // If no job is outstanding, wait for room in the queue.
            let submitted = match self.outstanding {
                0 => Room::new(self.pool.jobs(), Arc::clone(&wrapped), self.pool.submit_deadline()).wait(),
                _ => self.pool.jobs().try_submit(&wrapped),
            };
            match submitted {
                Ok(()) => self.outstanding += 1,
                Err(Refused::Full) if self.outstanding > 0 => {
                    self.held = Some((index, job, wrapped));
                    return None;
                }
                Err(refused) => {
                    wrapped.forget();
                    return Some((index, submit_error(refused, job)));
                }
            }
        }
    }
}

/// The fan-out of a map: from its first job until there is no result left, or it is dropped.
#[derive(Debug)]
struct MapFan(Option<FanOut>);

impl MapFan {
    fn id(&mut self, cx: Context) -> u64 {
        self.0.get_or_insert_with(|| FanOut::begin(cx, FanKind::Workers, true)).id()
    }

    fn join(&mut self) {
        if let Some(fan) = self.0.take() {
            fan.join();
        }
    }
}

impl Drop for MapFan {
    fn drop(&mut self) {
        self.join();
    }
}

fn submit_error<J>(refused: Refused, job: J) -> SubmitError<J> {
    match refused {
        Refused::Full => SubmitError::Full(job),
        Refused::ShutDown => SubmitError::ShutDown(job),
    }
}

impl<J, R, I> Iterator for AsCompleted<'_, J, R, I>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
    I: Iterator<Item = J>,
{
    type Item = (usize, Result<R, JobError<J>>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((index, error)) = self.top_up() {
            return Some((index, Err(JobError::NotSubmitted(error))));
        }
        if self.outstanding == 0 {
            self.fan.join();
            return None;
        }
        // Each submitted job is settled, at the latest when it is dropped.
        let (index, outcome) = mark::wait(WaitCause::Workers, || self.from.recv()).ok()?;
        self.outstanding -= 1;
        Some((index, decode(outcome)))
    }
}

impl<J, R, I> Map<'_, J, R, I>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
    I: Iterator<Item = J>,
{
    /// As [`AsCompleted::deadline`].
    pub fn deadline(self, after: Duration) -> Self {
        Self { results: self.results.deadline(after), ..self }
    }

    /// As [`AsCompleted::with_baggage`].
    pub fn with_baggage(self, baggage: Baggage) -> Self {
        Self { results: self.results.with_baggage(baggage), ..self }
    }
}

impl<J, R, I> Iterator for Map<'_, J, R, I>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
    I: Iterator<Item = J>,
{
    type Item = Result<R, JobError<J>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.early.contains_key(&self.next) {
            let (index, result) = self.results.next()?;
            self.early.insert(index, result);
        }
        self.next += 1;
        self.early.remove(&(self.next - 1))
    }
}

impl<J, R, I> fmt::Debug for AsCompleted<'_, J, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("AsCompleted");
        out.field("taken", &self.taken).field("outstanding", &self.outstanding).finish_non_exhaustive()
    }
}

impl<J, R, I> fmt::Debug for Map<'_, J, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Map");
        out.field("next", &self.next).field("early", &self.early.len()).finish_non_exhaustive()
    }
}
