//! Many jobs: their results in order, or as they come.

use super::error::{JobError, SubmitError};
use super::handle::decode;
use super::job::{Completion, Job, Outcome};
use super::state::Refused;
use super::Pool;
use heirloom_core::Context;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::Fuse;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;

/// Results in the order in which they come, each with its job's index. From [`Pool::map_as_completed`].
#[must_use = "jobs are submitted while results are asked for"]
pub struct AsCompleted<'p, J, R, I> {
    pool: &'p Pool<J, R>,
    cx: Context,
    jobs: Fuse<I>,
    /// How many jobs were taken from `jobs`.
    taken: usize,
    outstanding: usize,
    /// A job that found the queue full.
    held: Option<(usize, J, Arc<Job>)>,
    to: Sender<(usize, Outcome)>,
    from: Receiver<(usize, Outcome)>,
}

/// Results in the order of the jobs. From [`Pool::map`].
#[must_use = "jobs are submitted while results are asked for"]
pub struct Map<'p, J, R, I> {
    results: AsCompleted<'p, J, R, I>,
    next: usize,
    early: BTreeMap<usize, Result<R, JobError<J>>>,
}

impl<'p, J, R, I> AsCompleted<'p, J, R, I>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
    I: Iterator<Item = J>,
{
    pub(super) fn new(pool: &'p Pool<J, R>, cx: Context, jobs: I) -> Self {
        let (to, from) = mpsc::channel();
        Self { pool, cx, jobs: jobs.fuse(), taken: 0, outstanding: 0, held: None, to, from }
    }

    /// Submits jobs until the queue is full or there are no more. Returns one that can't be submitted.
    fn top_up(&mut self) -> Option<(usize, SubmitError<J>)> {
        loop {
            let (index, job, wrapped) = match self.held.take() {
                Some(held) => held,
                None => {
                    let job = self.jobs.next()?;
                    let index = self.taken;
                    self.taken += 1;
                    match self.pool.wrap(self.cx, job, Completion::Map(index, self.to.clone())) {
                        Ok((job, wrapped)) => (index, job, wrapped),
                        Err(error) => return Some((index, error)),
                    }
                }
            };
            // With nothing to wait for but the queue, this waits for it.
            let deadline = (self.outstanding == 0).then(|| self.pool.submit_deadline());
            match self.pool.enqueue(&wrapped, deadline) {
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
            return None;
        }
        // Every job that was submitted is settled, at the latest when it is dropped.
        let (index, outcome) = self.from.recv().ok()?;
        self.outstanding -= 1;
        Some((index, decode(outcome)))
    }
}

impl<'p, J, R, I> Map<'p, J, R, I> {
    pub(super) fn new(results: AsCompleted<'p, J, R, I>) -> Self {
        Self { results, next: 0, early: BTreeMap::new() }
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
