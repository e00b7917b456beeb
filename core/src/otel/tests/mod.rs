//! Tests of the exporter: what is sent, what goes wrong, and real OTLP.
#![allow(clippy::unwrap_used)]

mod batch;
mod failures;
mod fields;
mod otlp;
