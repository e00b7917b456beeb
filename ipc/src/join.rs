//! What is to be done for a child that joins its parent's trace; nothing where there are no regions.

#[cfg(all(target_os = "linux", feature = "record", feature = "workers"))]
pub(crate) use linux::find_parent;
#[cfg(all(target_os = "linux", feature = "record"))]
pub(crate) use linux::Join;
#[cfg(all(not(target_os = "linux"), feature = "record", feature = "workers"))]
pub(crate) use other::find_parent;
#[cfg(not(all(target_os = "linux", feature = "record")))]
pub(crate) use other::Join;

#[cfg(all(target_os = "linux", feature = "record"))]
mod linux {
    use crate::process::{Exit, Watched};
    use crate::shm::{Joined, Joining};
    use heirloom_core::Context;
    use std::process::Command;

    /// From now on a tracer that starts in this process records into its parent's region, if there is one.
    #[cfg(feature = "workers")]
    pub(crate) fn find_parent() {
        crate::shm::join_parent();
    }

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
                joined.ended(exit);
            }
        }

        /// As [`started`](Self::started), for a caller that watches the child itself.
        #[cfg(feature = "workers")]
        pub(crate) fn started_unwatched(self, pid: u32) -> Self {
            match self {
                Join::Prepared(joining) => Join::Started(joining.started_unwatched(pid)),
                started => started,
            }
        }

        /// This process is about to kill the child.
        #[cfg(feature = "workers")]
        pub(crate) fn killing(&self, reason: &str) {
            if let Join::Started(joined) = self {
                joined.killing(reason);
            }
        }

        /// A child has rung.
        #[cfg(feature = "workers")]
        pub(crate) fn rung(&self) {
            if let Join::Started(joined) = self {
                joined.rung();
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", feature = "record")))]
mod other {
    use crate::process::Exit;
    use heirloom_core::Context;
    use std::process::Command;

    #[cfg(all(feature = "record", feature = "workers"))]
    pub(crate) fn find_parent() {}

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

        #[cfg(feature = "workers")]
        pub(crate) fn started_unwatched(self, _: u32) -> Self {
            self
        }

        #[cfg(feature = "workers")]
        pub(crate) fn rung(&self) {}

        #[cfg(feature = "workers")]
        pub(crate) fn killing(&self, _: &str) {}
    }
}
