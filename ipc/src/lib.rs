//! Heirloom's child processes.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(all(feature = "workers", unix))]
pub mod workers;
