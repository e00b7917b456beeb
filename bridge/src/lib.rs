//! Heirloom's bridges to other tracing systems. Spans that other crates record with `tracing` or OpenTelemetry's API become
//! a part of Heirloom's traces, and a span of either system can be the parent in the other.
//!
//! | you have | use | feature |
//! |---|---|---|
//! | crates that use `tracing` (`tower-http`, `sqlx`, `rig`, ..) | [`HeirloomLayer`] | `tracing` |
//! | crates that use `opentelemetry`'s tracing API | [`HeirloomTracerProvider`] | `otel` |
//! | `opentelemetry`'s propagators, injectors and extractors | [`HeirloomPropagator`], [`otel::inject`], [`otel::extract`] | `otel` |
//! | Heirloom and OpenTelemetry's API in one program, with closures that they pass to each other | one current span for both: see [`otel`] | `otel-current` |
//! | `http::HeaderMap` | [`HeaderMapExt`] | `http` |
//!
//! The tracer's rules for captured values ([`Capture`](heirloom_core::Capture)) apply to bridged spans, events and links.
//! Texts and lists of texts under denied keys are redacted. Messages, prompts,
//! arguments and results of `gen_ai.*`, `input.value` and `output.value` are masked, capped, or omitted if capture is off.
//!
//! Spans of LLM frameworks have attributes named `gen_ai.*` and become observations: see [`gen_ai`].

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
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
