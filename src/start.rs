//! How a tracer starts in a program that may be somebody's worker process.

use crate::{Builder, Guard, InitError};

/// As [`heirloom_core::builder`]. In a process that joined its parent's trace, the builder's `init` records into that.
pub fn builder(service_name: &str) -> Builder {
    join_parent();
    heirloom_core::builder(service_name)
}

/// As [`heirloom_core::init`]: starts the global tracer with the embedded defaults and the environment's overrides.
///
/// A process that joined its parent's trace (a worker of a pool, or a child that was started `.joined()`) needs to say
/// nothing: the tracer finds its parent by itself, and records into its collector.
///
/// ```
/// let guard = heirloom::init("thumbnailer")?;
/// heirloom::in_root("work", |_| ());
/// println!("{}", guard.finish());
/// # Ok::<(), heirloom::InitError>(())
/// ```
///
/// # Errors
/// As [`heirloom_core::init`].
pub fn init(service_name: &str) -> Result<Guard, InitError> {
    join_parent();
    heirloom_core::init(service_name)
}

fn join_parent() {
    #[cfg(target_os = "linux")]
    heirloom_ipc::shm::join_parent();
}
