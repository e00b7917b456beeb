//! OTLP, OpenTelemetry's protocol, for Heirloom: finished spans as protobuf and as JSON.
//!
//! [`Encoder`] writes the spans of a batch straight from the batch's columns, without a tree of messages in between. A
//! [`Mapping`] says what a backend gets other than what was recorded; [`Plain`] is the one for any backend. [`OtlpFile`] is an exporter
//! that writes files, and [`read`] reads requests and files back.
//!
//! ```
//! use heirloom_core::export::{Delivery, ExportError, Exporter};
//! use heirloom_otlp::{Encoder, Format, Plain};
//! use std::io;
//! use std::sync::{Arc, Mutex};
//!
//! /// Keeps one request for each delivery.
//! struct Requests(Encoder<Plain>, Arc<Mutex<Vec<Vec<u8>>>>);
//!
//! impl Requests {
//!     fn request(&mut self, delivery: &Delivery) -> io::Result<Vec<u8>> {
//!         let mut request = Vec::new();
//!         self.0.begin(&mut request)?;
//!         for part in delivery.parts() {
//!             self.0.fill(part.resource(), &mut part.spans().peekable(), usize::MAX, &mut request)?;
//!         }
//!         self.0.end(&mut request)?;
//!         Ok(request)
//!     }
//! }
//!
//! impl Exporter for Requests {
//!     fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
//!         let request = self.request(delivery).map_err(|error| ExportError::new(error.to_string()))?;
//!         self.1.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(request);
//!         Ok(())
//!     }
//! }
//!
//! let requests = Arc::new(Mutex::new(Vec::new()));
//! let exporter = Requests(Encoder::new(Format::Json, Plain), Arc::clone(&requests));
//! let guard = heirloom_core::builder("shop").exporter(exporter).start()?;
//! guard.tracer().in_root("order", |span| _ = span.set("items", 3));
//! guard.finish();
//! let json = String::from_utf8(requests.lock().unwrap()[0].clone())?;
//! assert!(json.starts_with(r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","#));
//! assert!(json.contains(r#"{"key":"items","value":{"intValue":"3"}}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

pub mod encode;
mod file;
mod format;
pub mod read;

pub use encode::{Encoder, Filled, Mapping, Plain};
pub use file::OtlpFile;
pub use format::Format;
