//! OpenAI's API with Heirloom: a drop-in for the client of [`async_openai`] that records a span for each call of a model.
//!
//! Change one import, `use async_openai::Client` to `use heirloom_openai::Client` (`heirloom::openai::Client` with the
//! feature `openai` of `heirloom`). Types of requests and answers stay `async-openai`'s.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
//! use async_openai::{config::OpenAIConfig, types::responses::CreateResponseArgs};
//! use heirloom_core::{future::FutureExt as _, root, testing};
//! use heirloom_openai::Client;
//!
//! # let server = server::Server::start();
//! # let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
//! async fn answer(client: &Client<OpenAIConfig>) -> Result<String, Box<dyn std::error::Error>> {
//!     let request = CreateResponseArgs::default().model("m-large").input("What is 6 x 7?").build()?;
//!     Ok(client.responses().create(request).await?.output_text().unwrap_or_default())
//! }
//!
//! testing::run(|t| {
//!     let client = Client::with_config(config); // or `Client::new()`, with the key from `OPENAI_API_KEY`
//!     # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//!     let text = runtime.block_on(answer(&client).in_span(root("turn")))?;
//!     assert_eq!(text, "42");
//!     t.assert_tree("turn\n  chat m-large");
//!     let usage = t.span("chat m-large").attribute("gen_ai.usage.output_tokens").map(ToString::to_string);
//!     assert_eq!(usage.as_deref(), Some("40"));
//!     # Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | you have | write |
//! |---|---|
//! | the current context | [`Client`]: each call is its child |
//! | a context or a span | `client.chat().traced(&span)`, on this [`Client`] and on `async-openai`'s ([`TracedCalls`]) |
//! | one parent for all calls | [`Client::traced`] |
//! | a client that is already configured | `Client::from(client)` |
//!
//! # What is recorded
//!
//! A span of kind client, named after the operation and the model, with the attributes of OpenTelemetry's [conventions]:
//!
//! | attribute | from |
//! |---|---|
//! | `heirloom.observation.type`, `gen_ai.operation.name`, `openai.api.type` | the method: `generation` with `chat` or `text_completion`, `embedding` with `embeddings` |
//! | `gen_ai.request.*`, `gen_ai.output.type`, `gen_ai.conversation.id`, `openai.request.service_tier` | the request: model, temperature, max_tokens, .. |
//! | `gen_ai.response.model`, `.id`, `.finish_reasons`; `openai.response.service_tier` | the answer |
//! | `gen_ai.usage.*` | the answer: input, output and total tokens; cached, reasoning and other details |
//! | `gen_ai.response.time_to_first_chunk`, in seconds; `gen_ai.response.completion_start_time` | a stream: its first chunk; its first chunk with a part of the answer |
//! | `error.type`, `http.response.status_code` | an error: OpenAI's code or type for it, else the status, else `timeout`, `connection_error`, `stream_error`, .. |
//! | `server.address`, `server.port` | the base URL, on [`Client`] |
//! | `input.value`, `output.value` | messages, prompt or input, and the answer, if [`capture`](Client::capture) asks for it |
//! | `http.request.resend_count` | number of resends of the request, with the feature `middleware` |
//!
//! The API key, headers, `user`, `metadata` and the server's error messages are never recorded: a server may repeat the key in
//! its message. Vectors of embeddings are not captured either.
//!
//! [conventions]: https://opentelemetry.io/docs/specs/semconv/gen-ai/openai/
//!
//! # When the span starts and ends
//!
//! It starts when the call's future is first polled, covers all attempts and the waits between them, and ends with the
//! answer. The span of a stream ends with the stream. Its context is current only while the call or the stream is polled.
//!
//! | event | attributes and status of the span |
//! |---|---|
//! | the call returns an error, or the stream yields one | status error, `error.type` |
//! | the answer reports that it failed | status error, `error.type` |
//! | the call's future or the stream is dropped early | `heirloom.cancelled`, and the attributes of the received part |
//! | a stream is dropped after the whole answer was received | as if the stream had ended: it is complete |
//! | a stream ends without an error before the answer is complete | `heirloom.level` is `WARNING` |
//!
//! # Cost
//!
//! About 20 attributes, four small allocations and no lock for each call: 0.9 to 1.5 us beside the plain client's 4 us without a
//! network (2026-11-29, 2 shared cores; the example `cost` measures it). The day before, on a slower core, it was 2.7 us beside
//! 10.3 us. Over loopback it is lost in the noise. A stream has one more box and two further clock readings. Where the span isn't
//! recorded, and without the feature `record`, a call goes straight to `async-openai`, and so does the stream that it gives back.
//!
//! # Limits
//!
//! Other groups (images, audio, files, ..) and the methods ending in `_byot` work by [`Deref`](std::ops::Deref), and record no
//! spans. This crate turns on no TLS. The application's dependency on `async-openai` does, by default with `rustls`.

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

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
mod send;
mod server;
mod stream;
mod traced;
mod usage;

pub use client::Client;
pub use traced::{Traced, TracedCalls};

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
