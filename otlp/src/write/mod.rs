//! Writes requests that were read: as protobuf or JSON, one request or records of a file.
//!
//! [`Encoder`](crate::Encoder) writes what this process recorded; this module writes what [`read`](crate::read) returned, for
//! programs that convert and filter files. What is read back is equal to what was written.
//!
//! ```
//! use heirloom_otlp::{read, write, Format};
//!
//! let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"order","startTimeUnixNano":"17"}]}]}]}"#;
//! let mut request = read::json(line)?;
//! request.resource_spans[0].scope_spans[0].spans[0].name = "secret".to_owned();
//! let mut file = Vec::new();
//! write::record(Format::Protobuf, &request, &mut file);
//! let read = read::Records::new(Format::Protobuf, &file[..]).next().expect("a record")?;
//! assert_eq!(read, request);
//! # Ok::<(), heirloom_otlp::read::ReadError>(())
//! ```

mod json;
mod protobuf;

use crate::encode::values::protobuf::varint;
use crate::read::Request;
use crate::Format;

/// Appends a request (`ExportTraceServiceRequest`).
///
/// Takes time in proportion to what is written, and allocates nothing but the room in `out`.
pub fn request(format: Format, request: &Request, out: &mut Vec<u8>) {
    match format {
        Format::Protobuf => protobuf::request(out, request),
        Format::Json => json::request(out, request),
    }
}

/// Appends a request as a record of a file, as [`Records`](crate::read::Records) reads them: in protobuf after its length, in JSON
/// as a line.
pub fn record(format: Format, one: &Request, out: &mut Vec<u8>) {
    match format {
        Format::Protobuf => {
            let mut body = Vec::new();
            request(format, one, &mut body);
            varint(out, body.len() as u64);
            out.extend_from_slice(&body);
        }
        Format::Json => {
            request(format, one, out);
            out.push(b'\n');
        }
    }
}
