//! The extension traits, imported as `_` so that their names can't clash: `use heirloom_pool::prelude::*`.

pub use crate::Background as _;
#[cfg(feature = "tokio")]
pub use crate::TracedTasks as _;
#[cfg(feature = "rayon")]
pub use crate::{TracedParallel as _, TracedThreadPool as _};
#[cfg(feature = "async")]
pub use heirloom_core::future::FutureExt as _;
