//! Spans of crates that use OpenTelemetry's API become Heirloom's, and its propagators carry Heirloom's contexts.
//!
//! ```
//! use heirloom_bridge::{HeirloomPropagator, HeirloomTracerProvider};
//! opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
//! opentelemetry::global::set_text_map_propagator(HeirloomPropagator::new());
//! ```
//!
//! # What becomes of what
//!
//! | OpenTelemetry | Heirloom |
//! |---|---|
//! | a span | a span; its kind, status, links and attributes are what they are |
//! | the span of the `Context` that it begins in | its parent: of Heirloom's or from another process |
//! | a `Context` without a span | the parent is what Heirloom has as current |
//! | the instrumentation scope | the attributes `otel.scope.name` and `otel.scope.version` |
//! | attributes `gen_ai.*` | what [`gen_ai`](crate::gen_ai) says |
//! | a start or an end at a given time | that time as the attribute `otel.start_time_unix_nano` or `otel.end_time_unix_nano`: a span of Heirloom's begins and ends when it is told to |
//! | an event at a given time | the same, as the event's attribute `otel.time_unix_nano` |
//! | `record_error` | an event `exception`, as in OpenTelemetry; the status is the caller's business |
//! | suppressed telemetry | no span |
//!
//! # What is current
//!
//! OpenTelemetry has a stack of contexts of its own. With the feature `otel-current` it is kept in step: a span that is
//! attached there is what Heirloom has as current, and one that begins there falls under what Heirloom has as current.
//! It uses a hook of OpenTelemetry's that is experimental, and of which a process has one.
//!
//! Without it, hand the context over where one world calls the other:
//!
//! ```
//! use heirloom_bridge::{otel, HeirloomTracerProvider};
//! use heirloom_core::testing;
//! use opentelemetry::trace::{Tracer, TracerProvider};
//!
//! testing::run(|t| {
//!     let theirs = HeirloomTracerProvider::new().tracer("their crate");
//!     heirloom_core::in_root("ours", |_| {
//!         theirs.in_span("theirs", |cx| otel::context(&cx).in_span("ours within", |_| ()));
//!     });
//!     t.assert_tree("ours\n  theirs\n    ours within");
//! });
//! ```
//!
//! The other direction is [`to_otel`], for a context in which OpenTelemetry's spans fall under one of Heirloom's.

#[cfg(feature = "otel-current")]
mod current;
mod open;
mod propagate;
mod provider;
mod span;

pub use open::{context, to_otel};
pub use propagate::{extract, extract_baggage, inject, inject_baggage, HeirloomPropagator};
pub use provider::{HeirloomTracer, HeirloomTracerProvider};
pub use span::HeirloomSpan;
