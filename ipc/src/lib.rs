//! Heirloom's child processes.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(all(target_os = "linux", feature = "record"))]
pub mod shm;
