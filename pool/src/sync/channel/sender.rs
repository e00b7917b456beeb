//! [`Sender`].

use super::{side, Envelope};
use crate::sync::watch::Flow;
use crossbeam_channel::{SendError, SendTimeoutError, TrySendError};
use std::time::{Duration, Instant};

/// The sending side of a channel. Each message has the sender's current context with it.
///
/// Cost of a message: that of the plain channel, and a copy of 32 bytes. A send that waits takes two clock reads and a lock.
pub struct Sender<T> {
    pub(super) inner: crossbeam_channel::Sender<Envelope<T>>,
    pub(super) flow: Flow,
}

impl<T> Sender<T> {
    /// Sends a message, and blocks this thread while the channel is full.
    ///
    /// # Errors
    ///
    /// The message, if there is no receiver left.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.offer(message) {
            Ok(()) => Ok(()),
            Err(refused) => {
                let sent = self.wait(refused, |envelope| self.inner.send(envelope), SendError);
                sent.map_err(|SendError(envelope)| SendError(envelope.message))
            }
        }
    }

    /// Sends a message if the channel has room.
    ///
    /// # Errors
    ///
    /// The message, if the channel is full or there is no receiver left.
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.offer(message).map_err(|refused| match refused {
            TrySendError::Full(envelope) => TrySendError::Full(envelope.message),
            TrySendError::Disconnected(envelope) => TrySendError::Disconnected(envelope.message),
        })
    }

    /// As [`send`](Self::send), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The message, if the channel is still full then or there is no receiver left.
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_with(message, |envelope| self.inner.send_timeout(envelope, timeout))
    }

    /// As [`send`](Self::send), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// The message, if the channel is still full then or there is no receiver left.
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_with(message, |envelope| self.inner.send_deadline(envelope, deadline))
    }

    fn send_with(
        &self,
        message: T,
        send: impl FnOnce(Envelope<T>) -> Result<(), SendTimeoutError<Envelope<T>>>,
    ) -> Result<(), SendTimeoutError<T>> {
        self.offer(message).or_else(|refused| {
            self.wait(refused, send, SendTimeoutError::Disconnected).map_err(|error| match error {
                SendTimeoutError::Timeout(envelope) => SendTimeoutError::Timeout(envelope.message),
                SendTimeoutError::Disconnected(envelope) => SendTimeoutError::Disconnected(envelope.message),
            })
        })
    }

    #[inline]
    fn offer(&self, message: T) -> Result<(), TrySendError<Envelope<T>>> {
        self.inner.try_send(Envelope::new(message))
    }

    /// The channel had no room: sends with `send`, which waits for it.
    #[cold]
    #[inline(never)]
    fn wait<E>(
        &self,
        refused: TrySendError<Envelope<T>>,
        send: impl FnOnce(Envelope<T>) -> Result<(), E>,
        disconnected: impl FnOnce(Envelope<T>) -> E,
    ) -> Result<(), E> {
        match refused {
            TrySendError::Full(envelope) => self.flow.await_room(|| send(envelope)),
            TrySendError::Disconnected(envelope) => Err(disconnected(envelope)),
        }
    }
}

side!(Sender);
