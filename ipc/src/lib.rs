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
//!
//! | you have | use | feature |
//! |---|---|---|
//! | work for processes of your own program | [`workers`] | `workers` |
//! | any other program | [`.traced(cx)`](TracedCommand::traced) on its command | |
//! | a program that uses Heirloom | the same, and [`.attached()`](command::Traced::attached) | |
//! | another way to start processes | [`Environment`], [`shm::Attaching`] | |
//! | tokio's commands, waiting on a pool in a runtime | the same names | `tokio` |
//!
//! A process that is a worker, or was started `.attached()`, records into memory that it shares with its parent ([`shm`]):
//! it needs no exporter, and what it had finished is not lost however it dies. On Linux only.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(not(all(feature = "record", feature = "workers")), allow(rustdoc::broken_intra_doc_links))]

mod attach;
mod baggage;
pub mod command;
mod env;
pub mod prelude;
mod process;
#[cfg(all(target_os = "linux", feature = "record"))]
pub mod shm;
#[cfg(all(feature = "workers", unix))]
pub mod workers;

pub use command::TracedCommand;
pub use env::Environment;
