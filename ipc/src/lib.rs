//! Child processes in Heirloom's traces: traced commands, attached children, pools of worker processes.
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
//! | you start | use | feature |
//! |---|---|---|
//! | your program again, to run jobs | [`workers`] | `workers` |
//! | any other program | [`.traced(cx)`](TracedCommand::traced) on its command | |
//! | another program that uses Heirloom | the same, and [`.attached()`](command::Traced::attached) | |
//! | processes without `Command` | [`Environment`], [`shm::Attaching`] | |
//! | tokio's commands | the same names | `tokio` |
//!
//! Two more features: `record` (on by default) records; `capture` captures the job and the reply of a worker process as JSON.
//!
//! A worker, and a child that was started `.attached()`, records into memory that it shares with its parent ([`shm`]). It needs no
//! exporter, and its ended spans are not lost, no matter how it dies. This exists on Linux only.

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
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
