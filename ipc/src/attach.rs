//! The region of a child that attaches to its parent's tracer. On systems without regions these functions do nothing.

#[cfg(all(target_os = "linux", feature = "record", feature = "workers"))]
pub(crate) use linux::find_parent;
#[cfg(all(target_os = "linux", feature = "record"))]
pub(crate) use linux::Attach;
#[cfg(all(not(target_os = "linux"), feature = "record", feature = "workers"))]
pub(crate) use other::find_parent;
#[cfg(not(all(target_os = "linux", feature = "record")))]
pub(crate) use other::Attach;

#[cfg(all(target_os = "linux", feature = "record"))]
mod linux {
    use crate::process::{Exit, Watched};
    use crate::shm::{Attached, Attaching};
    use heirloom_core::Context;
    use std::process::Command;

    /// Makes tracers that start in this process afterwards record into its parent's region, if there is one.
    #[cfg(feature = "workers")]
    pub(crate) fn find_parent() {
        crate::shm::attach_to_parent();
    }

    /// The region of a child, before or after the child's start.
    #[derive(Debug)]
    pub(crate) enum Attach {
        Prepared(Attaching),
        Started(Attached),
    }

    impl Attach {
        /// Makes a region for a command's next child. If that fails, the child still runs, without a region. The error has the
        /// reason.
        pub(crate) fn prepare(cx: impl Into<Context>, command: &mut Command) -> Result<Self, String> {
            Attaching::prepare(command, cx).map(Attach::Prepared).map_err(|error| error.to_string())
        }

        pub(crate) fn started(self, pid: u32) -> Self {
            match self {
                Attach::Prepared(attaching) => Attach::Started(attaching.started(pid)),
                started => started,
            }
        }

        pub(crate) fn exited(&self, exit: &Exit) {
            if let Attach::Started(attached) = self {
                attached.ended(exit);
            }
        }

        /// As [`started`](Self::started), for a caller that watches the child itself.
        #[cfg(feature = "workers")]
        pub(crate) fn started_unwatched(self, pid: u32) -> Self {
            match self {
                Attach::Prepared(attaching) => Attach::Started(attaching.started_unwatched(pid)),
                started => started,
            }
        }

        /// This process is about to kill the child.
        #[cfg(feature = "workers")]
        pub(crate) fn killing(&self, reason: &str) {
            if let Attach::Started(attached) = self {
                attached.killing(reason);
            }
        }

        /// A child has signalled its event.
        #[cfg(feature = "workers")]
        pub(crate) fn rung(&self) {
            if let Attach::Started(attached) = self {
                attached.rung();
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

    /// Never constructed: this system has no regions, or recording is compiled out.
    #[derive(Debug)]
    pub(crate) enum Attach {}

    impl Attach {
        pub(crate) fn prepare(_: impl Into<Context>, _: &mut Command) -> Result<Self, String> {
            Err("this system has no shared-memory regions, or recording is compiled out".to_owned())
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
