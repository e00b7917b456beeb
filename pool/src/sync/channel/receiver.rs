//! [`Receiver`].

use super::{side, Envelope};
use crate::sync::watch::Flow;
use crossbeam_channel::{RecvError, RecvTimeoutError, TryRecvError};
use heirloom_core::Context;
use std::time::{Duration, Instant};

/// The receiving side of a channel.
///
/// The methods whose names end in `_with_context` return the message and its sender's context: where the receiver handles a message
/// for a span, that span is a child of the sender's (`sender.in_span("job", |span| ..)`). Without the feature `record` it is
/// [`Context::INERT`].
///
/// Cost of a message: that of the plain channel. A receive that waits takes two clock reads and a lock.
pub struct Receiver<T> {
    pub(super) inner: crossbeam_channel::Receiver<Envelope<T>>,
    pub(super) flow: Flow,
}

impl<T> Receiver<T> {
    /// Takes a message, and blocks this thread while there is none.
    ///
    /// # Errors
    ///
    /// If the channel is empty and there is no sender left.
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        match self.take() {
            Ok(envelope) => Ok(message(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv()).map(message),
        }
    }

    /// As [`recv`](Self::recv), with the sender's context.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[inline]
    pub fn recv_with_context(&self) -> Result<(T, Context), RecvError> {
        match self.take() {
            Ok(envelope) => Ok(both(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv()).map(both),
        }
    }

    /// Takes a message if there is one.
    ///
    /// # Errors
    ///
    /// If the channel is empty.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.take().map(message)
    }

    /// As [`try_recv`](Self::try_recv), with the sender's context.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    #[inline]
    pub fn try_recv_with_context(&self) -> Result<(T, Context), TryRecvError> {
        self.take().map(both)
    }

    /// As [`recv`](Self::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// If the channel is still empty then, or there is no sender left.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match self.take() {
            Ok(envelope) => Ok(message(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv_timeout(timeout)).map(message),
        }
    }

    /// As [`recv_timeout`](Self::recv_timeout), with the sender's context.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Self::recv_timeout).
    pub fn recv_timeout_with_context(&self, timeout: Duration) -> Result<(T, Context), RecvTimeoutError> {
        match self.take() {
            Ok(envelope) => Ok(both(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv_timeout(timeout)).map(both),
        }
    }

    /// As [`recv`](Self::recv), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// If the channel is still empty then, or there is no sender left.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        match self.take() {
            Ok(envelope) => Ok(message(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv_deadline(deadline)).map(message),
        }
    }

    /// As [`recv_deadline`](Self::recv_deadline), with the sender's context.
    ///
    /// # Errors
    ///
    /// As [`recv_deadline`](Self::recv_deadline).
    pub fn recv_deadline_with_context(&self, deadline: Instant) -> Result<(T, Context), RecvTimeoutError> {
        match self.take() {
            Ok(envelope) => Ok(both(envelope)),
            Err(none) => self.wait(none, |inner| inner.recv_deadline(deadline)).map(both),
        }
    }

    #[inline]
    fn take(&self) -> Result<Envelope<T>, TryRecvError> {
        self.flow.taking();
        self.inner.try_recv()
    }

    /// There was no message: takes one with `receive`, which waits for it.
    #[cold]
    #[inline(never)]
    fn wait<E>(
        &self,
        none: TryRecvError,
        receive: impl FnOnce(&crossbeam_channel::Receiver<Envelope<T>>) -> Result<Envelope<T>, E>,
    ) -> Result<Envelope<T>, E> {
        match none {
            // `receive` has the right error for a channel without senders.
            TryRecvError::Disconnected => receive(&self.inner),
            TryRecvError::Empty => self.flow.await_message(|| receive(&self.inner), |envelope| envelope.sent),
        }
    }
}

#[inline]
fn message<T>(envelope: Envelope<T>) -> T {
    envelope.message
}

#[inline]
fn both<T>(envelope: Envelope<T>) -> (T, Context) {
    (envelope.message, envelope.sent.context())
}

side!(Receiver);
