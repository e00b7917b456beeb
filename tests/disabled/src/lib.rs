//! A library that records, with recording compiled out.

pub mod api;
#[cfg(feature = "async")]
pub mod futures;
pub mod work;
