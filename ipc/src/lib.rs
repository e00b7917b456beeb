//! Heirloom's child processes.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "workers")]
pub mod workers;
