//! Spans as text: the tree with folded fan-outs ([`render`]), the bare names for tests ([`names`]), where the time went
//! on each lane ([`lanes`]).
//!
//! Everything here works on finished spans, such as [`Memory`](crate::export::Memory) keeps, in any order, and prints the
//! same text for the same spans. It takes n log n time for n spans, and no recursion: a long chain of spans is as safe as a
//! flat list. (The names of a chain are indented at each level, so that text grows with the square of its depth.)

mod forest;
mod lanes;
mod names;
mod render;
mod text;

pub use lanes::lanes;
pub use names::{names, names_sorted};
pub use render::{render, TreeOptions};
