//! A library that records, with recording compiled out.

pub mod api;
pub mod work;
