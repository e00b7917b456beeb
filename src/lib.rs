//! Heirloom traces parallel programs: thread pools and worker processes.
pub use heirloom_core::*;
