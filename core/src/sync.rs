//! The standard library's atomics and cells, or loom's: the only file that chooses.

#[cfg(not(loom))]
pub(crate) use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::{
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering},
};
