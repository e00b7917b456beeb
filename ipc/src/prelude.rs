//! The extension traits, under names that clash with nothing: `use heirloom_ipc::prelude::*`.

pub use crate::TracedCommand as _;
