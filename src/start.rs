//! Starts the tracer of a program that may be a worker process or an attached child.

use crate::{Builder, Guard, InitError};

/// As [`heirloom_core::builder`]. In a process that its parent attached, the builder's `init` records into the parent's tracer.
pub fn builder(service_name: &str) -> Builder {
    attach_to_parent();
    heirloom_core::builder(service_name)
}

/// As [`heirloom_core::init`]: starts the global tracer with the embedded defaults and the environment's overrides.
///
/// An attached process (a worker of a pool, or a child that was started `.attached()`) calls it the same way. The tracer finds the
/// parent and records into the parent's collector.
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
