//! How a tracer starts in a program that may be somebody's worker process.

use crate::{Builder, Guard, InitError};

/// As [`heirloom_core::builder`]. In a process that is attached to its parent's tracer, the builder's `init` records into that.
pub fn builder(service_name: &str) -> Builder {
    attach_to_parent();
    heirloom_core::builder(service_name)
}

/// As [`heirloom_core::init`]: starts the global tracer with the embedded defaults and the environment's overrides.
///
/// A process that is attached to its parent's tracer (a worker of a pool, or a child that was started `.attached()`) needs to say
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
    attach_to_parent();
    heirloom_core::init(service_name)
}

fn attach_to_parent() {
    #[cfg(target_os = "linux")]
    heirloom_ipc::shm::attach_to_parent();
}
