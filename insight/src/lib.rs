//! Analysis of traces of parallel programs: where the time of all cores went, what is to blame, and how much faster the program
//! would be without it.
//!
//! The feature `files` (on by default) reads traces of OTLP files and writes the report. Without it the crate analyses batches in
//! memory.

#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod account;
mod analyse;
pub mod analysis;
mod at_finish;
#[cfg(feature = "files")]
pub mod file;
mod findings;
pub mod graph;
pub mod html;
mod lanes;
pub mod live;
pub mod model;
mod parallel;
pub mod read;
mod serial;
pub mod simulate;
mod sorted;
pub mod testing;
pub mod text;
mod workers;

pub use analyse::{analyse, outline, Options};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
