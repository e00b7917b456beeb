//! Heirloom's bridges to other tracing systems: what crates that know nothing of Heirloom record becomes a part of its
//! traces, and a span of either world can be the parent in the other.
//!
//! | you have | use | feature |
//! |---|---|---|
//! | crates that use `tracing` (`tower-http`, `sqlx`, `rig`, ..) | [`HeirloomLayer`] | `tracing` |
//! | crates that use `opentelemetry`'s tracing API | [`HeirloomTracerProvider`] | `otel` |
//! | `opentelemetry`'s propagators, injectors and extractors | [`HeirloomPropagator`], [`otel::inject`], [`otel::extract`] | `otel` |
//! | both in one program, and closures of yours called by theirs | what is current in one is in the other: see [`otel`] | `otel-current` |
//! | `http::HeaderMap` | [`HeaderMapExt`] | `http` |
//!
//! What they record, events and links included, is under the tracer's rules for captured values
//! ([`Capture`](heirloom_core::Capture)): texts and lists of texts under keys that are denied are redacted; messages, prompts,
//! arguments and results of `gen_ai.*`, `input.value` and `output.value` are masked, capped or switched off.
//!
//! Spans of LLM frameworks, which have attributes named `gen_ai.*`, become observations: see [`gen_ai`].

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(not(all(feature = "tracing", feature = "otel", feature = "http")), allow(rustdoc::broken_intra_doc_links))]

#[cfg(any(feature = "http", feature = "otel"))]
mod carrier;
#[cfg(any(feature = "tracing", feature = "otel"))]
mod content;
#[cfg(any(feature = "tracing", feature = "otel"))]
pub mod gen_ai;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "tracing")]
pub mod tracing;

#[cfg(feature = "http")]
pub use crate::http::HeaderMapExt;
#[cfg(feature = "otel")]
pub use crate::otel::{HeirloomPropagator, HeirloomTracerProvider};
#[cfg(feature = "tracing")]
pub use crate::tracing::HeirloomLayer;
