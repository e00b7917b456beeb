//! An [`Analysis`](crate::analysis::Analysis) as text, and as JSON.
//!
//! The text begins with the three sentences and with what weakens them. Then come lost time by cause, findings, lanes, names,
//! locks, asynchronous spans, the critical path and the curve. A part that would be empty is left out. Names longer than their
//! column are cut. Threads with one name have their numbers behind it. It has 80 columns; what lanes did over time may have more,
//! as many as the terminal ([`width`]).

pub(crate) mod lane_names;
mod lanes;
mod layout;
mod parts;
pub mod units;
pub mod width;

pub use parts::{json, report, report_of, summary};
