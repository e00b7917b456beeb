//! [`Watched`]: what wants to know how a child ends.

use super::exit::Exit;
use std::fmt::Debug;

/// What the watcher tells about one child.
pub(crate) trait Watched: Send + Debug {
    /// A child has rung, not necessarily this one. Only children that have an event do.
    fn rung(&self);

    /// The child has ended and is not reaped yet. Called once. Where another part of the program has reaped it already, how it
    /// ended is unknown: [`Exit::default`].
    fn ended(&self, exit: &Exit);
}
