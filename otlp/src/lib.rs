//! OTLP, OpenTelemetry's protocol, for Heirloom: an exporter that sends spans over HTTP, an exporter that writes files, an encoder
//! and a reader.
//!
//! | part | what it does |
//! |---|---|
//! | [`Otlp`] | sends finished spans to a collector or a backend (feature `http`, on by default) |
//! | [`FromEnv`] | adds the exporters that OpenTelemetry's environment variables ask for (feature `http`) |
//! | [`Console`] | writes finished spans on standard output, a line each |
//! | [`OtlpFile`] | writes finished spans to a file: JSON, one request a line, or protobuf |
//! | [`Encoder`] | writes requests, as protobuf or JSON |
//! | [`read`] | reads requests and files back |
//! | [`mod@write`] | writes requests that were read |
//!
//! # Sending
//!
//! An application that depends on `heirloom` with the feature `otlp` writes nothing for it: `OTEL_EXPORTER_OTLP_ENDPOINT` alone
//! makes `heirloom::init` send. In code:
//!
//! ```
//! # #[cfg(feature = "http")] {
//! use heirloom_otlp::Otlp;
//! let otlp = Otlp::builder().endpoint("https://collector.example:4318").header("authorization", "Bearer secret");
//! # let otlp = otlp.endpoint("http://127.0.0.1:9").retry_for(std::time::Duration::ZERO);
//! let guard = heirloom_core::builder("shop").exporter(otlp.build()?).start()?;
//! guard.tracer().in_root("order", |span| drop(span.set("items", 3)));
//! println!("{}", guard.finish());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | page | what it has |
//! |---|---|
//! | [`OtlpBuilder`] | all settings, with their variables and defaults |
//! | [`Otlp`] | what happens for each answer of the server, while it is slow, hangs or is down, and at the end of the program |
//! | [`FromEnv`] | which variables switch exporters on and off |
//!
//! Not built in: gRPC (most backends that take it take HTTP too), and compression other than gzip.
//!
//! # Encoding
//!
//! [`Encoder`] writes the spans of a batch straight from the batch's rows, without a tree of messages in between. A
//! [`Mapping`] defines how the spans that a backend gets differ from the recorded ones; [`Plain`] is the mapping for any backend.
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

#[cfg(feature = "http")]
mod config;
mod console;
pub mod encode;
#[cfg(feature = "http")]
mod env;
#[cfg(feature = "http")]
mod exporter;
mod file;
mod format;
pub mod read;
#[cfg(feature = "http")]
mod transport;
pub mod write;

#[cfg(feature = "http")]
pub use config::{ConfigError, OtlpBuilder};
pub use console::Console;
pub use encode::{Encoder, Filled, Mapping, Plain};
#[cfg(feature = "http")]
pub use env::FromEnv;
#[cfg(feature = "http")]
pub use exporter::Otlp;
pub use file::OtlpFile;
pub use format::Format;
#[cfg(feature = "http")]
pub use transport::{Compression, Hints, Response};
