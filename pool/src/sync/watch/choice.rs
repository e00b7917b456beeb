//! [`Choice`]: the channels of which a selection waits for one, and [`Waited`]: how long it waited.

use super::Flow;
use heirloom_core::mark::{stamp, waited_until, Stamp, WaitCause};
use heirloom_core::SpanId;

/// The channels of a selection.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct Choice<'a>(Vec<Arm<'a>>);

#[derive(Clone, Copy, Debug)]
struct Arm<'a> {
    index: usize,
    cause: WaitCause,
    /// `None`: a plain channel.
    flow: Option<&'a Flow>,
}

/// The wait of a selection, if it waited.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Waited(Option<(Stamp, Stamp)>);

impl Waited {
    pub(in crate::sync) const NOT: Self = Self(None);

    /// Records it: for a message, or for room, of this channel. `by` is the span that ended it.
    #[inline]
    pub(in crate::sync) fn record(self, cause: WaitCause, flow: Option<&Flow>, by: Option<SpanId>) {
        if let Some((from, until)) = self.0 {
            match flow {
                Some(flow) => flow.waited(cause, from, until, by),
                None if from.is_short_until(until) => {}
                None => waited_until(cause, from, until, None, None, by),
            }
        }
    }
}

impl<'a> Choice<'a> {
    pub(in crate::sync) fn add(&mut self, index: usize, cause: WaitCause, flow: Option<&'a Flow>) {
        self.0.push(Arm { index, cause, flow });
    }

    pub(in crate::sync) fn remove(&mut self, index: usize) {
        self.0.retain(|arm| arm.index != index);
    }

    /// Runs `select`, which waits for one of the channels.
    #[cold]
    pub(in crate::sync) fn wait<R>(&self, select: impl FnOnce() -> R) -> (R, Waited) {
        let full = || self.0.iter().filter(|arm| arm.cause == WaitCause::Full).filter_map(|arm| arm.flow);
        let from = stamp();
        full().for_each(Flow::block);
        let selected = select();
        full().for_each(Flow::unblock);
        (selected, Waited(Some((from, stamp()))))
    }

    /// Records a wait that ended with no operation. It has a channel if it was for one only.
    pub(in crate::sync) fn in_vain(&self, waited: Waited) {
        match self.0[..] {
            [] => {}
            [only] => waited.record(only.cause, only.flow, None),
            [first, ..] => waited.record(first.cause, None, None),
        }
    }

    /// Records a wait until this operation was ready.
    pub(in crate::sync) fn ready(&self, waited: Waited, index: usize) {
        if let Some(arm) = self.0.iter().find(|arm| arm.index == index) {
            waited.record(arm.cause, arm.flow, None);
        }
    }
}
