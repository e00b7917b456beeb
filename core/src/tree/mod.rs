//! Spans as text: the tree with folded fan-outs ([`render`]), the bare names for tests ([`names`]), the time spent on
//! each lane ([`lanes`]), and a length of time as they print it ([`duration`]).
//!
//! All functions take finished spans in any order, such as those that [`Memory`](crate::export::Memory) keeps, and print
//! the same text for the same spans. They take n log n time for n spans, and don't recurse: a long chain of spans is as
//! safe as a flat list.

mod attributes;
mod forest;
mod lanes;
mod links;
mod names;
mod render;
mod text;

pub use lanes::lanes;
pub use names::{names, names_sorted};
pub use render::{render, TreeOptions};
pub use text::duration;
