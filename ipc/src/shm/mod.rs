//! Shared-memory shards: a child that attaches to its parent's tracer.
//!
//! | file | what it does |
//! |---|---|
//! | `parent.rs` | makes a region for a command's child and hands it down |
//! | `child.rs` | finds it, when the child starts its tracer |
//! | `memory.rs` | the memory file and its mapping |
//! | `variable.rs` | the environment variable that says where it is |
//! | `sys.rs` | the system calls |
//!
//! What is in the memory, and who believes what, is `heirloom_core::region`'s business; the format is in
//! `docs/shm-format.md`.

mod child;
mod memory;
mod parent;
mod sys;
mod variable;

pub use child::attach_to_parent;
pub use parent::{Attached, Attaching, RegionError};
