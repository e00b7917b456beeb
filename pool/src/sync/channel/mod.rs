//! Channels: [`Sender`], [`Receiver`], and [`Select`], which waits for one of several.

mod arm;
mod iter;
mod receiver;
mod select;
mod select_macro;
mod sender;

pub use arm::{Receiving, Sending};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

use super::watch::{Flow, Sent};

/// A message, and its sender's context.
///
/// The context comes first: it is written as two halves of 16 bytes, and a copy of the envelope then reads the same halves. A read
/// across two writes that are still on their way to the cache takes several nanoseconds more.
#[derive(Debug)]
#[repr(C)]
pub struct Envelope<T> {
    sent: Sent,
    message: T,
}

impl<T> Envelope<T> {
    #[inline]
    fn new(message: T) -> Self {
        Self { sent: Sent::now(), message }
    }
}

/// A channel with room for `capacity` messages, named by the file and line of the call: [`crossbeam_channel::bounded`], which
/// records who waited for whom. With a capacity of zero, a sender waits for its receiver.
///
/// ```
/// let (jobs, queue) = heirloom_pool::sync::bounded(2);
/// jobs.send("first").unwrap();
/// assert_eq!(queue.recv(), Ok("first"));
/// ```
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    both(crossbeam_channel::bounded(capacity), Flow::new(None))
}

/// As [`bounded`], with a name.
pub fn bounded_named<T>(name: &'static str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    both(crossbeam_channel::bounded(capacity), Flow::new(Some(name)))
}

/// A channel with room for any number of messages, named by the file and line of the call: [`crossbeam_channel::unbounded`], which
/// records who waited for whom.
///
/// ```
/// let (jobs, queue) = heirloom_pool::sync::unbounded();
/// heirloom_core::in_root("request", |root| {
///     jobs.send("resize").unwrap();
///     let (job, sender) = queue.recv_with_context().unwrap();
///     assert_eq!((job, sender), ("resize", root.context()));
///     sender.in_span(job, |_span| ()); // a child of the span that sent it
/// });
/// ```
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    both(crossbeam_channel::unbounded(), Flow::new(None))
}

/// As [`unbounded`], with a name.
pub fn unbounded_named<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    both(crossbeam_channel::unbounded(), Flow::new(Some(name)))
}

/// A channel that never has a message, and always has a sender: [`crossbeam_channel::never`]. For an arm of
/// [`select!`](super::select) that is off.
///
/// ```
/// use heirloom_pool::sync::{never, Receiver, TryRecvError};
/// let off: Receiver<u8> = never();
/// assert_eq!(off.try_recv(), Err(TryRecvError::Empty));
/// ```
#[track_caller]
pub fn never<T>() -> Receiver<T> {
    Receiver { inner: crossbeam_channel::never(), flow: Flow::new(Some("never")) }
}

type Plain<T> = (crossbeam_channel::Sender<Envelope<T>>, crossbeam_channel::Receiver<Envelope<T>>);

fn both<T>((sender, receiver): Plain<T>, flow: Flow) -> (Sender<T>, Receiver<T>) {
    (Sender { inner: sender, flow: flow.clone() }, Receiver { inner: receiver, flow })
}

/// What both sides of a channel have in common.
macro_rules! side {
    ($side:ident) => {
        impl<T> $side<T> {
            /// Whether the channel has no message.
            pub fn is_empty(&self) -> bool {
                self.inner.is_empty()
            }

            /// Whether the channel has no room. One with a capacity of zero never has.
            pub fn is_full(&self) -> bool {
                self.inner.is_full()
            }

            /// The number of messages in the channel.
            pub fn len(&self) -> usize {
                self.inner.len()
            }

            /// The largest number of messages; `None` if it has no limit.
            pub fn capacity(&self) -> Option<usize> {
                self.inner.capacity()
            }

            /// Whether both belong to the same channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                self.inner.same_channel(&other.inner)
            }
        }

        impl<T> Clone for $side<T> {
            fn clone(&self) -> Self {
                Self { inner: self.inner.clone(), flow: self.flow.clone() }
            }
        }

        impl<T> std::fmt::Debug for $side<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($side)).field("len", &self.len()).finish_non_exhaustive()
            }
        }
    };
}

use side;

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
    use std::time::{Duration, Instant};

    #[test]
    fn a_full_channel_gives_the_message_back() {
        let (sender, receiver) = bounded(1);
        sender.send(1).unwrap();
        assert!(sender.is_full() && !receiver.is_empty());
        assert_eq!((sender.len(), receiver.capacity()), (1, Some(1)));
        assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(sender.send_timeout(2, Duration::ZERO), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(sender.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
        assert_eq!(receiver.recv(), Ok(1));
        assert!(sender.same_channel(&sender.clone()) && !receiver.same_channel(&bounded(1).1));
    }

    #[test]
    fn an_empty_channel_has_no_message() {
        let (sender, receiver) = unbounded::<u8>();
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.try_iter().count(), 0);
        drop(sender);
        assert_eq!(receiver.recv(), Err(RecvError));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_channel_without_a_receiver_gives_the_message_back() {
        let (sender, receiver) = bounded(0);
        drop(receiver);
        assert_eq!(sender.send(1), Err(SendError(1)));
        assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
        assert_eq!(sender.send_timeout(1, Duration::ZERO), Err(SendTimeoutError::Disconnected(1)));
    }

    #[test]
    fn every_message_arrives_through_every_iterator() {
        let (sender, receiver) = bounded(0);
        std::thread::scope(|s| {
            s.spawn(move || (0..9).for_each(|n| sender.send(n).unwrap()));
            assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
            assert_eq!((&receiver).into_iter().next(), Some(3));
            assert_eq!(receiver.into_iter().sum::<i32>(), 4 + 5 + 6 + 7 + 8);
        });
    }
}
