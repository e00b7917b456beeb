//! Shared-memory shards: a child that attaches to its parent's tracer.
//!
//! | file | task |
//! |---|---|
//! | `parent.rs` | makes a region for a command's child and passes it to the child |
//! | `child.rs` | finds it, when the child starts its tracer |
//! | `memory.rs` | the memory file and its mapping |
//! | `variable.rs` | the environment variable that names it |
//! | `sys.rs` | the system calls |
//!
//! `heirloom_core::region` defines the contents of the memory and validates them. `docs/shm-format.md` specifies the format.

mod child;
mod memory;
mod parent;
mod sys;
mod variable;

pub use child::attach_to_parent;
pub use parent::{Attached, Attaching, RegionError};
