//! [`Select`]: waits for one of several channels.

use super::{Receiving, Sending};
use crate::sync::watch::{Choice, Waited};
use crossbeam_channel::{ReadyTimeoutError, RecvError, SelectTimeoutError, SendError, TryReadyError, TrySelectError};
use heirloom_core::mark::WaitCause;
use heirloom_core::Context;
use std::fmt;
use std::time::{Duration, Instant};

/// Waits for one of several channels: [`crossbeam_channel::Select`], which records the wait. [`select!`](crate::sync::select) is
/// shorter where the number of channels is known.
///
/// The recorded wait has the name of the channel whose operation was selected. It also has the span that ended the wait: the
/// sender of the message, or the receiver that made room. A wait that timed out has a channel's name if it was for one channel
/// only. Plain channels can be among the operations, such as [`after`](crossbeam_channel::after): a wait that one of them ends
/// has no channel.
///
/// Cost: that of the plain type, and one allocation for the list of channels. A selection that waits takes two clock reads and a
/// lock.
///
/// ```
/// use heirloom_pool::sync::{unbounded, Receiver, RecvError, Select};
///
/// /// The first message of any of these channels.
/// fn first_of(channels: &[Receiver<u32>]) -> Result<u32, RecvError> {
///     let mut select = Select::new();
///     for channel in channels {
///         select.recv(channel);
///     }
///     let operation = select.select();
///     let channel = &channels[operation.index()];
///     operation.recv(channel)
/// }
///
/// let ((_pages, idle), (jobs, queue)) = (unbounded(), unbounded());
/// jobs.send(7).unwrap();
/// assert_eq!(first_of(&[idle, queue]), Ok(7));
/// ```
#[derive(Clone, Default)]
pub struct Select<'a> {
    inner: crossbeam_channel::Select<'a>,
    choice: Choice<'a>,
}

impl<'a> Select<'a> {
    /// A selection without operations. Of several that are ready, it selects one at random.
    pub fn new() -> Self {
        Self { inner: crossbeam_channel::Select::new(), choice: Choice::default() }
    }

    /// A selection without operations. Of several that are ready, it selects the one that was added first.
    pub fn new_biased() -> Self {
        Self { inner: crossbeam_channel::Select::new_biased(), choice: Choice::default() }
    }

    /// Adds the sending of a message. Returns the operation's index.
    pub fn send<S: Sending>(&mut self, sender: &'a S) -> usize {
        let arm = sender.arm();
        let index = self.inner.send(arm.plain);
        self.choice.add(index, WaitCause::Full, arm.flow);
        index
    }

    /// Adds the receipt of a message. Returns the operation's index.
    pub fn recv<R: Receiving>(&mut self, receiver: &'a R) -> usize {
        let arm = receiver.arm();
        let index = self.inner.recv(arm.plain);
        self.choice.add(index, WaitCause::Empty, arm.flow);
        index
    }

    /// Removes an operation: one whose channel has no other side any more is always ready. Indices are not used again.
    ///
    /// # Panics
    ///
    /// If there is no operation with this index.
    pub fn remove(&mut self, index: usize) {
        self.inner.remove(index);
        self.choice.remove(index);
    }

    /// Selects an operation that is ready.
    ///
    /// # Errors
    ///
    /// If none is ready.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.inner.try_select().map(SelectedOperation::at_once)
    }

    /// Selects an operation, and blocks this thread until one is ready.
    ///
    /// # Panics
    ///
    /// If there is no operation.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        if let Ok(operation) = self.try_select() {
            return operation;
        }
        let (inner, waited) = self.choice.wait(|| self.inner.select());
        SelectedOperation { inner, waited }
    }

    /// As [`select`](Self::select), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If no operation was ready until then.
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.select_with(|inner| inner.select_timeout(timeout))
    }

    /// As [`select`](Self::select), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// If no operation was ready until then.
    pub fn select_deadline(&mut self, deadline: Instant) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.select_with(|inner| inner.select_deadline(deadline))
    }

    fn select_with(
        &mut self,
        select: impl FnOnce(
            &mut crossbeam_channel::Select<'a>,
        ) -> Result<crossbeam_channel::SelectedOperation<'a>, SelectTimeoutError>,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        if let Ok(operation) = self.try_select() {
            return Ok(operation);
        }
        match self.choice.wait(|| select(&mut self.inner)) {
            (Ok(inner), waited) => Ok(SelectedOperation { inner, waited }),
            (Err(error), waited) => {
                self.choice.in_vain(waited);
                Err(error)
            }
        }
    }

    /// The index of an operation that is ready. It is not selected: another thread may be faster.
    ///
    /// # Errors
    ///
    /// If none is ready.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.inner.try_ready()
    }

    /// As [`try_ready`](Self::try_ready), and blocks this thread until one is ready.
    ///
    /// # Panics
    ///
    /// If there is no operation.
    pub fn ready(&mut self) -> usize {
        self.inner.try_ready().unwrap_or_else(|_| {
            let (index, waited) = self.choice.wait(|| self.inner.ready());
            self.choice.ready(waited, index);
            index
        })
    }

    /// As [`ready`](Self::ready), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If no operation was ready until then.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.ready_with(|inner| inner.ready_timeout(timeout))
    }

    /// As [`ready`](Self::ready), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// If no operation was ready until then.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        self.ready_with(|inner| inner.ready_deadline(deadline))
    }

    fn ready_with(
        &mut self,
        ready: impl FnOnce(&mut crossbeam_channel::Select<'a>) -> Result<usize, ReadyTimeoutError>,
    ) -> Result<usize, ReadyTimeoutError> {
        if let Ok(index) = self.inner.try_ready() {
            return Ok(index);
        }
        let (ready, waited) = self.choice.wait(|| ready(&mut self.inner));
        match ready {
            Ok(index) => self.choice.ready(waited, index),
            Err(_) => self.choice.in_vain(waited),
        }
        ready
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").finish_non_exhaustive()
    }
}

/// A selected operation. Complete it with [`send`](Self::send) or [`recv`](Self::recv); then the wait for it is recorded.
///
/// # Panics
///
/// If it is dropped without being completed, as the plain type does.
#[derive(Debug)]
#[must_use = "a selected operation must be completed"]
pub struct SelectedOperation<'a> {
    inner: crossbeam_channel::SelectedOperation<'a>,
    waited: Waited,
}

impl<'a> SelectedOperation<'a> {
    fn at_once(inner: crossbeam_channel::SelectedOperation<'a>) -> Self {
        Self { inner, waited: Waited::NOT }
    }

    /// The operation's index.
    pub fn index(&self) -> usize {
        self.inner.index()
    }

    /// Sends the message.
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left.
    ///
    /// # Panics
    ///
    /// If it isn't this sender's operation.
    pub fn send<S: Sending>(self, sender: &S, message: S::Message) -> Result<(), SendError<S::Message>> {
        let arm = sender.arm();
        let sent = self.inner.send(arm.plain, S::close(message));
        let taker = arm.flow.and_then(|flow| flow.taker()).filter(|_| sent.is_ok());
        self.waited.record(WaitCause::Full, arm.flow, taker);
        sent.map_err(|SendError(carried)| SendError(S::back(carried)))
    }

    /// Receives the message.
    ///
    /// # Errors
    ///
    /// If the channel is empty and there is no sender left.
    ///
    /// # Panics
    ///
    /// If it isn't this receiver's operation.
    pub fn recv<R: Receiving>(self, receiver: &R) -> Result<R::Message, RecvError> {
        self.recv_with_context(receiver).map(|(message, _)| message)
    }

    /// As [`recv`](Self::recv), with the sender's context. That of a plain channel is [`Context::INERT`].
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// As [`recv`](Self::recv).
    pub fn recv_with_context<R: Receiving>(self, receiver: &R) -> Result<(R::Message, Context), RecvError> {
        let arm = receiver.arm();
        arm.flow.into_iter().for_each(|flow| flow.taking());
        let received = self.inner.recv(arm.plain).map(R::open);
        let sender = received.as_ref().ok().map(|(_, context)| context.span_id()).filter(|span| span.is_valid());
        self.waited.record(WaitCause::Empty, arm.flow, sender);
        received
    }
}
