//! The vocabulary of traces of LLM and agent workloads: kinds of observations, models, usage and cost.
//!
//! | part | what it is | feature |
//! |---|---|---|
//! | [`keys`], [`ObservationType`], [`Level`] | the attribute keys and their values | |
//! | [`Observation`] | setters of a span: input, output, model, usage, cost, .. | `llm` |
//! | [`ObservationBuilder`] | `span.generation("answer").model("m").start()` | `llm` |
//! | [`TraceUpdate`](crate::TraceUpdate) | user, session, tags of a whole trace | |
//!
//! The attributes have OpenTelemetry's names, so every backend understands them. An exporter for a backend with other
//! names translates. Scores and media are not here: they don't travel with spans (Langfuse has separate endpoints for
//! them).

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
