//! OpenTelemetry: conversions of its types, and an adapter for its span exporters.
//!
//! - `From` converts ids, kinds, statuses, values and span contexts both ways. [`Context::from_otel`] and
//!   [`Context::to_otel`] read and make OpenTelemetry contexts.
//! - [`OtelExporter`] sends finished spans to any [`opentelemetry_sdk::trace::SpanExporter`].
//!
//! # How a span is converted
//!
//! Each field of `SpanData` is filled. Data without a field becomes an attribute (unless the program has set one with the
//! same key):
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `thread.id`, `thread.name` | int, string | the thread that started the span |
//! | `process.pid` | int | its process, if it isn't the resource's: one exporter may send the spans of several |
//! | `heirloom.incomplete` | bool | `true` if the span was still open at the end |
//! | `heirloom.aborted` | bool | `true` if the span was open when its worker process ended |
//! | `heirloom.fan_out` | int | the id of the fan-out to which the span belongs |
//! | `heirloom.nested` | bool | `false` if the span doesn't [nest](crate::export::SpanRef::is_nested) in its thread's other spans, for example since it ended on another thread; not on a span with `heirloom.polls` |
//! | `heirloom.marks`, `heirloom.marks.texts` | arrays of int and string | facts about the process's lanes ([`marks`](crate::export::marks)), on the first spans of each delivery's parts |
//! | `heirloom.dropped_children` | int | how many spans below it the exporter's queue refused |
//! | `heirloom.truncated` | strings | `key=bytes` of each value that was cut, with its uncut size; also on events and links |
//!
//! The instrumentation scope is the one of the API that recorded the span ([`ScopeRef`](crate::export::ScopeRef)), else
//! `heirloom`, with this crate's version.
//!
//! # Pitfalls of OpenTelemetry's own exporters
//!
//! As found in version 0.33 of `opentelemetry_sdk` and `opentelemetry-otlp`:
//!
//! | pitfall | here |
//! |---|---|
//! | An asynchronous client (`reqwest-client`, `hyper-client`) panics without a tokio runtime, such as on the SDK's own batch thread | the exporter's runtime is there |
//! | A blocking client (the default of `opentelemetry-otlp`) panics inside a runtime's `block_on`, in debug builds | the runtime is only the context, not the caller: both kinds work |
//! | A client tied to the program's runtime (gRPC) hangs when that runtime waits or has ended | [`OtelExporter::build`] makes it in our runtime; the deadline holds in any case |
//! | Its deadline prevents further retries but doesn't interrupt a request in flight; that depends on the client | our deadline drops the future, or stops waiting for a blocked thread |
//! | A panic ends the SDK's batch thread, and with it all export | caught; its spans are counted, the exporter is kept |
//! | It retries three times within at most 10 s (`OTEL_EXPORTER_OTLP_TIMEOUT`), then drops the batch; a longer `Retry-After` drops it at once | the loss is counted and its reason reported; our queue buffers spans meanwhile |
//! | A partial success is only logged and reported as a success | it can't be seen from outside: such spans count as delivered |
//! | `shutdown` and `force_flush` of `opentelemetry-otlp` do nothing | nothing is lost: each chunk was answered before; dropping the exporter closes its connections |
//! | It may trace its own requests, so that each export starts spans to export | its threads suppress OpenTelemetry's telemetry |
//!
//! [`Context::from_otel`]: crate::Context::from_otel
//! [`Context::to_otel`]: crate::Context::to_otel

mod convert;
mod exporter;
mod span_data;
#[cfg(all(test, not(loom)))]
mod tests;
mod tracestate;
mod worker;

pub use exporter::OtelExporter;
