//! OpenTelemetry: conversions of its types, and its span exporters as exporters of ours.
//!
//! - `From` converts ids, kinds, statuses, values and span contexts both ways; [`Context::from_otel`] and
//!   [`Context::to_otel`] read and make OpenTelemetry contexts.
//! - [`OtelExporter`] sends finished spans to any [`opentelemetry_sdk::trace::SpanExporter`].
//!
//! # What becomes of a span
//!
//! Each field of `SpanData` is filled, and what has no field becomes an attribute (one that the program itself set
//! under the same key stays):
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `thread.id`, `thread.name` | int, string | the thread that began the span |
//! | `process.pid` | int | its process, if it isn't the resource's: one exporter may ship the spans of several |
//! | `heirloom.incomplete` | bool | `true` if the span was still open at the end |
//! | `heirloom.aborted` | bool | `true` if the span was open when its worker process died |
//! | `heirloom.truncated` | strings | `key=bytes` of each value that was cut, with the size it had; also on events and links |
//!
//! The instrumentation scope is `heirloom`, with this crate's version.
//!
//! # Traps of OpenTelemetry's own exporters
//!
//! As found in version 0.33 of `opentelemetry_sdk` and `opentelemetry-otlp`:
//!
//! | trap | here |
//! |---|---|
//! | An asynchronous client (`reqwest-client`, `hyper-client`) panics where there is no tokio runtime, as on the SDK's own batch thread | there is one: the exporter's own |
//! | A blocking client (the default of `opentelemetry-otlp`) panics inside a runtime's `block_on`, in debug builds | the runtime is only the context, not the caller: both kinds work |
//! | A client tied to the program's runtime (gRPC) hangs when that runtime waits or has ended | [`OtelExporter::build`] makes it in ours; the deadline holds in any case |
//! | Its deadline starts no more retries but doesn't interrupt a request in flight; that is up to the client | ours drops the future, and leaves a blocked thread behind |
//! | A panic ends the SDK's batch thread and with it all export | caught, its spans counted, the exporter kept |
//! | It retries three times within at most 10 s (`OTEL_EXPORTER_OTLP_TIMEOUT`), then the batch is gone; a `Retry-After` that doesn't fit drops it at once | the loss is counted and its reason told; the queue before us absorbs the wait |
//! | A partial success is only logged and reported as a success | can't be seen from outside: such spans count as delivered |
//! | `shutdown` and `force_flush` of `opentelemetry-otlp` do nothing | nothing to lose: each chunk was answered before; dropping it closes its connections |
//! | It may trace its own requests, each export making spans to export | its threads suppress OpenTelemetry's telemetry |
//!
//! [`Context::from_otel`]: crate::Context::from_otel
//! [`Context::to_otel`]: crate::Context::to_otel

mod convert;
mod exporter;
mod span_data;
#[cfg(all(test, not(loom)))]
mod tests;
mod worker;

pub use exporter::OtelExporter;
