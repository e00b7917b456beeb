//! The extension traits, under names that clash with nothing: `use heirloom_pool::prelude::*`.

pub use crate::Background as _;
#[cfg(feature = "tokio")]
pub use crate::TracedTasks as _;
#[cfg(feature = "rayon")]
pub use crate::{TracedParallel as _, TracedThreadPool as _};
#[cfg(feature = "async")]
pub use heirloom_core::future::FutureExt as _;
