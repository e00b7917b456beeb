//! The extension traits, imported as `_` so that their names can't clash: `use heirloom_ipc::prelude::*`.

pub use crate::TracedCommand as _;
