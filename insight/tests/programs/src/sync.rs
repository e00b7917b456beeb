//! The locks and channels of the programs.

pub(crate) use heirloom::sync::{bounded_named, Mutex};
