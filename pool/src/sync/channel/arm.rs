//! [`Receiving`] and [`Sending`]: what [`Select`](super::Select) can wait for.

use super::{Envelope, Receiver, Sender};
use crate::sync::watch::Flow;
use heirloom_core::Context;

/// A receiver for which [`Select`](super::Select) and [`select!`](crate::sync::select) can wait: a [`Receiver`], or a plain one,
/// such as those of [`after`](crossbeam_channel::after) and [`tick`](crossbeam_channel::tick). Sealed.
pub trait Receiving: sealed::Sealed {
    /// What is received.
    type Message;
    #[doc(hidden)]
    type Carried;
    #[doc(hidden)]
    fn arm(&self) -> Arm<'_, crossbeam_channel::Receiver<Self::Carried>>;
    #[doc(hidden)]
    fn open(carried: Self::Carried) -> (Self::Message, Context);

    /// It, or what it refers to. For `select!`, whose expressions may be references.
    #[doc(hidden)]
    fn receiving(&self) -> &Self {
        self
    }
}

/// A sender for which [`Select`](super::Select) and [`select!`](crate::sync::select) can wait: a [`Sender`], or a plain one.
/// Sealed.
pub trait Sending: sealed::Sealed {
    /// What is sent.
    type Message;
    #[doc(hidden)]
    type Carried;
    #[doc(hidden)]
    fn arm(&self) -> Arm<'_, crossbeam_channel::Sender<Self::Carried>>;
    #[doc(hidden)]
    fn close(message: Self::Message) -> Self::Carried;
    #[doc(hidden)]
    fn back(carried: Self::Carried) -> Self::Message;

    /// As [`Receiving::receiving`].
    #[doc(hidden)]
    fn sending(&self) -> &Self {
        self
    }
}

/// A side of a channel: the plain one, and how the channel is used, unless it is a plain channel.
#[doc(hidden)]
#[derive(Debug)]
pub struct Arm<'a, C> {
    pub(super) plain: &'a C,
    pub(super) flow: Option<&'a Flow>,
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for super::Receiver<T> {}
    impl<T> Sealed for super::Sender<T> {}
    impl<T> Sealed for crossbeam_channel::Receiver<T> {}
    impl<T> Sealed for crossbeam_channel::Sender<T> {}
}

impl<T> Receiving for Receiver<T> {
    type Message = T;
    type Carried = Envelope<T>;

    fn arm(&self) -> Arm<'_, crossbeam_channel::Receiver<Envelope<T>>> {
        Arm { plain: &self.inner, flow: Some(&self.flow) }
    }

    fn open(carried: Envelope<T>) -> (T, Context) {
        (carried.message, carried.sent.context())
    }
}

impl<T> Receiving for crossbeam_channel::Receiver<T> {
    type Message = T;
    type Carried = T;

    fn arm(&self) -> Arm<'_, Self> {
        Arm { plain: self, flow: None }
    }

    fn open(carried: T) -> (T, Context) {
        (carried, Context::INERT)
    }
}

impl<T> Sending for Sender<T> {
    type Message = T;
    type Carried = Envelope<T>;

    fn arm(&self) -> Arm<'_, crossbeam_channel::Sender<Envelope<T>>> {
        Arm { plain: &self.inner, flow: Some(&self.flow) }
    }

    fn close(message: T) -> Envelope<T> {
        Envelope::new(message)
    }

    fn back(carried: Envelope<T>) -> T {
        carried.message
    }
}

impl<T> Sending for crossbeam_channel::Sender<T> {
    type Message = T;
    type Carried = T;

    fn arm(&self) -> Arm<'_, Self> {
        Arm { plain: self, flow: None }
    }

    fn close(message: T) -> T {
        message
    }

    fn back(carried: T) -> T {
        carried
    }
}
