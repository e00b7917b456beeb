//! Heirloom's child processes.
//!
//! ```
//! use heirloom_ipc::prelude::*;
//! use std::process::Command;
//! let output = heirloom_core::in_root("release", |root| {
//!     Command::new("echo").arg("hello").traced(root).output() // a span, which the child finds in its environment
//! })?;
//! assert_eq!(output.stdout, b"hello\n");
//! # Ok::<(), std::io::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod command;
mod env;
mod join;
pub mod prelude;
mod process;
#[cfg(all(target_os = "linux", feature = "record"))]
pub mod shm;
#[cfg(all(feature = "workers", unix))]
pub mod workers;

pub use command::TracedCommand;
pub use env::Environment;
