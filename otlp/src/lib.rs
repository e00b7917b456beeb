//! OTLP, OpenTelemetry's protocol, for Heirloom: finished spans as protobuf and as JSON.
//!
//! [`Encoder`] writes the spans of a batch straight from the batch's columns, without a tree of messages in between. A
//! [`Mapping`] says what a backend gets other than what was recorded; [`Plain`] is the one for any backend.
//!
//! ```
//! use heirloom_core::export::{Batch, ExportError, Exporter};
//! use heirloom_otlp::{Encoder, Format, Plain};
//! use std::sync::{Arc, Mutex};
//!
//! /// Keeps one request of OTLP for each batch.
//! struct Requests(Encoder<Plain>, Arc<Mutex<Vec<Vec<u8>>>>);
//!
//! impl Exporter for Requests {
//!     fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
//!         let mut request = Vec::new();
//!         let mut spans = batch.spans().peekable();
//!         self.0.begin(&mut request).map_err(|e| ExportError::new(e.to_string()))?;
//!         let filled = self.0.fill(batch.resource(), &mut spans, usize::MAX, &mut request);
//!         filled.map_err(|e| ExportError::new(e.to_string()))?;
//!         self.0.end(&mut request).map_err(|e| ExportError::new(e.to_string()))?;
//!         self.1.lock().unwrap_or_else(|e| e.into_inner()).push(request);
//!         Ok(())
//!     }
//! }
//!
//! let requests = Arc::new(Mutex::new(Vec::new()));
//! let exporter = Requests(Encoder::new(Format::Json, Plain), Arc::clone(&requests));
//! let guard = heirloom_core::builder("shop").exporter(exporter).start()?;
//! guard.tracer().in_root("order", |span| drop(span.set("items", 3)));
//! guard.finish();
//! let json = String::from_utf8(requests.lock().unwrap()[0].clone())?;
//! assert!(json.starts_with(r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","#));
//! assert!(json.contains(r#"{"key":"items","value":{"intValue":"3"}}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

pub mod encode;

pub use encode::{Encoder, Filled, Format, Mapping, Plain};
