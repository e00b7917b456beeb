//! Heirloom around [`async_openai`]: every call of a model is a span, with usage and time to first token.
#[cfg(feature = "middleware")]
mod attempts;
mod attribute;
mod call;
mod chat;
mod client;
mod completions;
mod embeddings;
mod failure;
mod kept;
mod responses;
mod server;
mod stream;
mod traced;
mod usage;

pub use client::Client;
pub use traced::{Traced, TracedCalls};
