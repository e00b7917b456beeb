//! An [`Analysis`](crate::analysis::Analysis) as text of 80 columns, and as JSON.
//!
//! The text begins with the three sentences and with what weakens them. Then come lost time by cause, findings, lanes, names, locks,
//! asynchronous spans, the critical path and the curve. A part that would be empty is left out. Names longer than their column are cut.

mod lanes;
mod layout;
mod parts;
pub mod units;

pub use parts::{json, report, summary};
