//! What is to be done for a child that joins its parent's trace; nothing where there are no regions.

#[cfg(all(target_os = "linux", feature = "record"))]
pub(crate) use linux::Join;
#[cfg(not(all(target_os = "linux", feature = "record")))]
pub(crate) use other::Join;

#[cfg(all(target_os = "linux", feature = "record"))]
mod linux {
    use crate::process::Exit;
    use crate::shm::{Joined, Joining};
    use heirloom_core::region::Death;
    use heirloom_core::Context;
    use std::process::Command;

    /// The region of a child, as far as it is.
    #[derive(Debug)]
    pub(crate) enum Join {
        Prepared(Joining),
        Started(Joined),
    }

    impl Join {
        /// Makes a region for a command's next child. Without one the child runs all the same; the error says why.
        pub(crate) fn prepare(cx: impl Into<Context>, command: &mut Command) -> Result<Self, String> {
            Joining::prepare(command, cx).map(Join::Prepared).map_err(|error| error.to_string())
        }

        pub(crate) fn started(self, pid: u32) -> Self {
            match self {
                Join::Prepared(joining) => Join::Started(joining.started(pid)),
                started => started,
            }
        }

        pub(crate) fn exited(&self, exit: &Exit) {
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
    use heirloom_core::Context;
    use std::process::Command;

    /// There are no regions here.
    #[derive(Debug)]
    pub(crate) enum Join {}

    impl Join {
        pub(crate) fn prepare(_: impl Into<Context>, _: &mut Command) -> Result<Self, String> {
            Err("there are no regions on this system, or recording is compiled out".to_owned())
        }

        pub(crate) fn started(self, _: u32) -> Self {
            self
        }

        pub(crate) fn exited(&self, _: &Exit) {}
    }
}
