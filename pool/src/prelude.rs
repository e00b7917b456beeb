//! The extension traits, under names that clash with nothing: `use heirloom_pool::prelude::*`.

pub use crate::Background as _;
#[cfg(feature = "rayon")]
pub use crate::TracedParallel as _;
