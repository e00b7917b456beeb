//! A library that records, with recording compiled out.

pub mod api;
#[cfg(feature = "async")]
pub mod futures;
#[cfg(feature = "macros")]
pub mod observed;
#[cfg(feature = "pool")]
pub mod pool;
pub mod work;
