//! Records spans of crates that use OpenTelemetry's API, and lets its propagators transport Heirloom's contexts.
//!
//! ```
//! use heirloom_bridge::{HeirloomPropagator, HeirloomTracerProvider};
//! opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
//! opentelemetry::global::set_text_map_propagator(HeirloomPropagator::new());
//! ```
//!
//! # Mapping
//!
//! | OpenTelemetry | Heirloom |
//! |---|---|
//! | a span | a span with the same kind, status, links and attributes |
//! | the span of the `Context` that it starts in | its parent: one of Heirloom's spans, or a span of another process |
//! | a `Context` without a span | the parent is Heirloom's current span |
//! | the instrumentation scope | the span's scope: name, version and attributes ([`ScopeRef`](heirloom_core::export::ScopeRef)) |
//! | attributes `gen_ai.*` | see [`gen_ai`](crate::gen_ai) |
//! | an explicit start or end time | the attribute `otel.start_time_unix_nano` or `otel.end_time_unix_nano`: the times of Heirloom's spans are the moments of the calls |
//! | an explicit time of an event | the event's attribute `otel.time_unix_nano` |
//! | `record_error` | an event `exception`, as in OpenTelemetry; the caller sets the status |
//! | suppressed telemetry | no span |
//!
//! # The current span
//!
//! OpenTelemetry has a separate stack of contexts. The feature `otel-current` keeps it in step with Heirloom's: a span that
//! is attached there becomes Heirloom's current span, and a span that starts there becomes a child of Heirloom's current
//! span. The feature uses an experimental hook of OpenTelemetry's, and a process has only one such hook.
//!
//! Without the feature, pass the context on where one system calls the other:
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
//! For the other direction, [`to_otel`] returns a context in which OpenTelemetry's spans become children of one of
//! Heirloom's.

mod baggage;
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
