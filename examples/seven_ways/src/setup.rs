//! How a process is set up: one tracer that sends to Langfuse, and what others record brought into it.

use heirloom::bridge::{HeirloomLayer, HeirloomTracerProvider};
use heirloom::langfuse::Config;
use heirloom::Guard;
use heirloom_receiver::{PUBLIC_KEY, SECRET_KEY};
use std::error::Error;
use tracing_subscriber::prelude::*;

/// Spans are recorded here as fast as the threads can: rings and a queue that hold a second of it, so that none is lost.
const SHARD_BYTES: usize = 64 << 20;
const QUEUE_BYTES: usize = 512 << 20;

/// Starts the global tracer.
///
/// # Errors
/// The settings don't fit, or a tracer runs already.
pub fn start(service: &str, langfuse: &str) -> Result<Guard, Box<dyn Error>> {
    let config = Config::new(PUBLIC_KEY, SECRET_KEY).base_url(langfuse).environment("seven-ways");
    let builder = config.tracer_builder(service)?.verify(true);
    Ok(builder.shard_bytes(SHARD_BYTES).queue_bytes(QUEUE_BYTES).init()?)
}

/// What crates that know nothing of Heirloom record goes to the tracer that is current, else to the global one: the layer
/// for `tracing` and the provider for OpenTelemetry's API are set, once in each process.
///
/// # Errors
/// A subscriber is set already.
pub fn bridge() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::registry().with(HeirloomLayer::new()).try_init()?;
    opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
    Ok(())
}
