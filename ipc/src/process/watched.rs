//! [`Watched`]: receives the events and the exit of a child.

use super::exit::Exit;
use std::fmt::Debug;

/// The watcher's reports about one child.
pub(crate) trait Watched: Send + Debug {
    /// A child has signalled its event. It may be another child than this one.
    fn rung(&self);

    /// The child has ended and is not reaped yet. Called once. If another part of the program has reaped it already, the exit
    /// status is unknown: [`Exit::default`].
    fn ended(&self, exit: &Exit);
}
