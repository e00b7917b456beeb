//! The submitters that wait for room in the queue.

use super::alarms::{Alarm, Alarms};
use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// The waiting submitters, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl Waiting {
    /// A number for a new submitter.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn set(&mut self, number: u64, waker: &Waker) {
        self.wakers.insert(number, waker.clone());
    }

    /// Removes the first waiting submitter, for the caller to wake.
    pub(super) fn take_first(&mut self) -> Option<Waker> {
        self.wakers.pop_first().map(|(_, waker)| waker)
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Waker> {
        self.wakers.remove(&number)
    }

    pub(super) fn len(&self) -> usize {
        self.wakers.len()
    }
}

/// A submitter's place in the order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(super) number: u64,
    pub(super) until: Instant,
}

impl Place {
    pub(super) fn leave(self, waiting: &mut Waiting, alarms: &mut Alarms) -> Option<Waker> {
        alarms.drop(self.until, Alarm::Waited(self.number));
        waiting.take(self.number)
    }
}
