//! The vocabulary of traces of LLM and agent workloads: kinds of observations, models, usage and cost.
//!
//! | part | what it is | feature |
//! |---|---|---|
//! | [`keys`], [`ObservationType`], [`Level`] | how it is recorded | |
//! | [`Observation`] | setters of a span: input, output, model, usage, cost, .. | `llm` |
//! | [`ObservationBuilder`] | `span.generation("answer").model("m").start()` | `llm` |
//! | [`TraceUpdate`](crate::TraceUpdate) | user, session, tags of a whole trace | |
//!
//! What is recorded has OpenTelemetry's names, so every backend understands it; an exporter for one with names of its own
//! translates. Scores and media don't travel with spans (Langfuse takes them at endpoints of their own): they are not here.

#[cfg(feature = "llm")]
mod builder;
pub mod keys;
mod observation;
#[cfg(feature = "llm")]
mod setters;
#[cfg(feature = "llm")]
mod usage;

pub use observation::{Level, ObservationType, ParseObservationTypeError};
#[cfg(feature = "llm")]
pub use {builder::ObservationBuilder, setters::Observation, usage::Usage};
