//! The setup of a process: one tracer that sends to Langfuse, and the bridges to other tracing systems.

use heirloom::bridge::{HeirloomLayer, HeirloomTracerProvider};
use heirloom::insight::file::FromEnv;
use heirloom::langfuse::Config;
use heirloom::Guard;
use heirloom_receiver::{PUBLIC_KEY, SECRET_KEY};
use std::error::Error;
use tracing_subscriber::prelude::*;

/// Bytes of each ring, of all rings and of the queue. The threads record as fast as they can, and these sizes hold a second of
/// that, so no span is lost.
const SHARD_BYTES: usize = 64 << 20;
const RING_BYTES: usize = 1 << 30;
const QUEUE_BYTES: usize = 512 << 20;

/// Starts the global tracer.
///
/// # Errors
/// A setting is invalid, or a tracer runs already.
pub fn start(service: &str, langfuse: &str) -> Result<Guard, Box<dyn Error>> {
    let config = Config::new(PUBLIC_KEY, SECRET_KEY).base_url(langfuse).environment("seven-ways");
    // It also writes the trace file that `HEIRLOOM_TRACE_FILE` names. Another process with the same variable writes one with
    // another name.
    let builder = config.tracer_builder(service)?.verify(true).extension(FromEnv::new());
    Ok(builder.shard_bytes(SHARD_BYTES).ring_bytes(RING_BYTES).queue_bytes(QUEUE_BYTES).init()?)
}

/// Installs the layer for `tracing` and the provider for OpenTelemetry's API. Call it once in each process. Spans of these
/// APIs go to the tracer of the current context, or else to the global one.
///
/// # Errors
/// Another subscriber is set already.
pub fn bridge() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::registry().with(HeirloomLayer::new()).try_init()?;
    opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
    Ok(())
}
