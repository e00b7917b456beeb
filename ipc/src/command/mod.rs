//! Traced commands: [`TracedCommand`] adds `.traced(cx)` to the standard library's commands, and to tokio's.
//!
//! | file | contents |
//! |---|---|
//! | `traced.rs` | `.traced(cx)`, and the settings of one run |
//! | `run.rs` | one run: its span, from before the spawn until after the exit |
//! | `failure.rs` | values of `error.type` |
//! | `stdio.rs` | which of a command's streams were set |
//! | `child.rs` | spawn, output, status, and the child of the standard library |
//! | `tokio.rs` | the same for tokio |

mod child;
mod failure;
mod run;
mod stdio;
#[cfg(all(feature = "tokio", unix))]
pub mod tokio;
mod traced;

pub use child::Child;
pub use traced::{AsCommand, Traced, TracedCommand};
