//! What a run has to do for a child that joins: nothing where there are no regions.

#[cfg(all(target_os = "linux", feature = "record"))]
pub(super) use linux::Join;
#[cfg(not(all(target_os = "linux", feature = "record")))]
pub(super) use other::Join;

#[cfg(all(target_os = "linux", feature = "record"))]
mod linux {
    use crate::process::Exit;
    use crate::shm::{Joined, Joining};
    use heirloom_core::region::Death;
    use heirloom_core::Span;
    use std::process::Command;

    /// The region of a run's child, as far as it is.
    #[derive(Debug)]
    pub(in crate::command) enum Join {
        Prepared(Joining),
        Started(Joined),
    }

    impl Join {
        /// Makes a region. Without one the child runs all the same, and an event on the span says why.
        pub(in crate::command) fn prepare(span: &Span, command: &mut Command) -> Option<Self> {
            match Joining::prepare(command, span) {
                Ok(joining) => Some(Join::Prepared(joining)),
                Err(error) => {
                    span.event_with("heirloom.not_joined", &[("reason", error.to_string().into())]);
                    None
                }
            }
        }

        pub(in crate::command) fn started(self, pid: u32) -> Self {
            match self {
                Join::Prepared(joining) => Join::Started(joining.started(pid)),
                started => started,
            }
        }

        pub(in crate::command) fn exited(&self, exit: &Exit) {
            if let Join::Started(joined) = self {
                joined.died(match (exit.code, exit.signal) {
                    (Some(code), _) => Death::Exited(code),
                    (None, Some(signal)) => Death::Killed(signal),
                    (None, None) => Death::Unknown,
                });
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", feature = "record")))]
mod other {
    use crate::process::Exit;
    use heirloom_core::Span;
    use std::process::Command;

    /// There are no regions here.
    #[derive(Debug)]
    pub(in crate::command) enum Join {}

    impl Join {
        pub(in crate::command) fn prepare(span: &Span, _: &mut Command) -> Option<Self> {
            span.event("heirloom.not_joined");
            None
        }

        pub(in crate::command) fn started(self, _: u32) -> Self {
            self
        }

        pub(in crate::command) fn exited(&self, _: &Exit) {}
    }
}
