//! Reads OTLP back: protobuf and JSON, one request or a file of them.
//!
//! | file | what it has |
//! |---|---|
//! | `data.rs` | requests and their parts |
//! | `error.rs` | [`ReadError`]: where something else was expected, and what |
//! | `protobuf/` | the binary form |
//! | `json/` | the form in JSON |
//! | `records.rs`, `record.rs` | [`Records`]: files of requests, up to the last whole one; [`Record`]: one that isn't decoded yet |
//! | `visit.rs` | [`Visitor`]: sees the spans of a request one after the other |
//! | `ahead.rs` | [`in_order`]: decodes on several threads |
//!
//! What isn't known (a field that a later version adds) is skipped. In JSON, 64-bit integers may be texts or numbers, ids
//! hexadecimal or base64, enums numbers or names. Arrays and maps may be nested 64 deep.
//!
//! ```
//! let request = heirloom_otlp::read::json(
//!     r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"order","startTimeUnixNano":"17","kind":2}]}]}]}"#,
//! )?;
//! let span = &request.resource_spans[0].scope_spans[0].spans[0];
//! assert_eq!((span.name.as_str(), span.start_time_unix_nano), ("order", 17));
//! let error = heirloom_otlp::read::json("{\"resourceSpans\":\n 7}").unwrap_err();
//! assert_eq!(error.to_string(), "line 2, column 2: expected a list");
//! # Ok::<(), heirloom_otlp::read::ReadError>(())
//! ```

mod ahead;
mod data;
mod error;
mod json;
mod protobuf;
mod record;
mod records;
mod visit;

pub use ahead::in_order;
pub use data::{AnyValue, Event, KeyValue, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span};
pub use error::{Place, ReadError};
pub use record::Record;
pub use records::Records;
pub use visit::Visitor;

/// How deep arrays and maps may be nested.
const MAX_DEPTH: usize = 64;

/// Reads a request in protobuf.
///
/// Takes time and memory in proportion to the length of `bytes`: a few hundred bytes for each byte if all spans are empty, about
/// two otherwise.
///
/// # Errors
/// The bytes are no `ExportTraceServiceRequest`. The error has the first byte that isn't right.
pub fn protobuf(bytes: &[u8]) -> Result<Request, ReadError> {
    protobuf::request(bytes, 0)
}

/// Reads a request in JSON.
///
/// Takes time and memory in proportion to the length of `text`: as much as [`protobuf`] at most.
///
/// # Errors
/// The text isn't JSON, or no `ExportTraceServiceRequest`. The error has line and column of what isn't right.
pub fn json(text: &str) -> Result<Request, ReadError> {
    json::request(text, 1)
}
