//! The vocabulary of traces of LLM and agent workloads: kinds of observations, models, usage and cost.

pub mod keys;
mod observation;

pub use observation::{Level, ObservationType, ParseObservationTypeError};
