//! Heirloom traces parallel programs: thread pools and worker processes.
//!
//! A small **context handle** is handed down, like an heirloom, from the code that starts work to the code that does it,
//! on any thread and in any process.
//!
//! ```
//! use heirloom::prelude::*;
//! use rayon::prelude::*;
//!
//! let guard = heirloom::init("thumbnailer")?;
//! let total: u64 = heirloom::in_root("build thumbnails", |root| {
//!     let sizes: Vec<u64> = (0..100_u64)
//!         .into_par_iter()
//!         .traced(root) // a `&Span` or a `Context`
//!         .map("thumbnail", |span, n| {
//!             span.set("number", n); // `span`'s context is current here, on any thread
//!             n * n
//!         })
//!         .collect();
//!     root.background("reindex").on_thread(|span| drop(span.set("done", true))); // a new trace, linked to this one
//!     sizes.par_iter().traced(root).per_leaf().map("sum", |n| *n).sum()
//! });
//! println!("{total}\n{}", guard.finish());
//! # Ok::<(), heirloom::InitError>(())
//! ```
//!
//! | crate | contents |
//! |---|---|
//! | [`heirloom_core`] | contexts, spans, tracers, exporters, the ledger; for libraries, with `default-features = false`: empty inlined bodies and no dependencies |
//! | [`heirloom_pool`] | adapters for rayon, threads, crossbeam, any other pool, and background jobs |
//! | [`heirloom_ipc`] | child processes: traced commands, shared-memory shards, pools of worker processes |
//! | `heirloom` | re-exports of all of them, for applications |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `record` | yes | recording; without it every call is an empty inlined body |
//! | `rayon` | yes | adapters for rayon |
//! | `ipc` | yes | child processes: traced commands, children that record into this process's collector |
//! | `macros` | | the attribute [`observe`] |
//! | `crossbeam` | | the adapter for crossbeam's scoped threads |
//! | `sync` | | locks and channels that record who waited for whom |
//! | `llm` | | the vocabulary of LLM and agent workloads |
//! | `serde` | | `Serialize` and `Deserialize` for [`Context`] and the ids |
//! | `workers` | | pools of worker processes, over `ipc-channel` |
//! | `async` | | adapters for futures and streams |
//! | `tokio` | | `async`, and adapters for tokio's tasks; with `ipc` its commands |
//! | `otel` | | any span exporter of `opentelemetry_sdk`, conversions from and to OpenTelemetry's types |
//! | `capture` | | inputs and outputs of any type, as JSON |
//! | `tracing` | | a layer that records the spans of the crate `tracing` |
//! | `provider` | | a tracer provider and propagators for OpenTelemetry's API |
//! | `otel-current` | | `provider`, and one current span for both APIs |
//! | `log` | | messages for the operator (losses, settings that can't be used) go to the crate `log` |
//! | `http` | | the trace context in `http::HeaderMap`, read and written |
//! | `analysis` | | the analysis of spans in memory; `HEIRLOOM_TREE=1` writes findings and the tree to standard error when the program finishes |
//! | `report` | | `analysis`, also of files of OTLP; a trace file that is a report in HTML (`HEIRLOOM_TRACE_FILE=run.html`) |
//! | `otlp` | | an exporter for OTLP over HTTP, and those that OpenTelemetry's environment variables ask for; trace files of OTLP |
//! | `langfuse` | | an exporter for Langfuse |
//! | `openai` | | a drop-in client for OpenAI's API, around `async-openai` |
//!
//! # A lint for guards held over an `.await`
//!
//! [`Entered`] must not be held over an `.await`. With this in your `clippy.toml`, clippy's lint
//! [`await_holding_invalid_type`] reports it:
//!
//! ```toml
//! await-holding-invalid-types = [
//!     { path = "heirloom_core::Entered", reason = "the task may go on on another thread; carry a Context instead" },
//! ]
//! ```
//!
//! [`await_holding_invalid_type`]: https://rust-lang.github.io/rust-clippy/master/index.html#await_holding_invalid_type

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

#[cfg(any(feature = "tracing", feature = "provider", feature = "http"))]
pub use heirloom_bridge as bridge;
pub use heirloom_core::*;
#[cfg(feature = "analysis")]
pub use heirloom_insight as insight;
#[cfg(feature = "ipc")]
pub use heirloom_ipc as ipc;
#[cfg(feature = "langfuse")]
pub use heirloom_langfuse as langfuse;
#[cfg(feature = "macros")]
pub use heirloom_macros::observe;
#[cfg(feature = "openai")]
pub use heirloom_openai as openai;
#[cfg(feature = "otlp")]
pub use heirloom_otlp as otlp;
pub use heirloom_pool as pool;
#[cfg(feature = "async")]
pub use heirloom_pool::block_on;
pub use heirloom_pool::{background, carry, carry_in_span, threads, Background};

#[cfg(feature = "crossbeam")]
pub use heirloom_pool::crossbeam;
#[cfg(feature = "rayon")]
pub use heirloom_pool::{rayon, TracedParallel, TracedThreadPool};

#[cfg(feature = "sync")]
pub use heirloom_pool::sync;
#[cfg(feature = "tokio")]
pub use heirloom_pool::{tokio, TracedTasks};

#[cfg(all(feature = "workers", unix))]
pub use heirloom_ipc::workers;

#[cfg(all(feature = "record", any(feature = "ipc", feature = "otlp", feature = "analysis")))]
mod start;
#[cfg(all(feature = "record", any(feature = "ipc", feature = "otlp", feature = "analysis")))]
pub use start::{builder, init};

/// The extension traits, imported as `_` so that their names can't clash, and the attribute `observe`:
/// `use heirloom::prelude::*`.
pub mod prelude {
    #[cfg(feature = "http")]
    pub use heirloom_bridge::HeaderMapExt as _;
    #[cfg(feature = "llm")]
    pub use heirloom_core::llm::Observation as _;
    #[cfg(feature = "async")]
    pub use heirloom_core::{future::FutureExt as _, stream::StreamExt as _};
    #[cfg(feature = "ipc")]
    pub use heirloom_ipc::prelude::*;
    #[cfg(feature = "macros")]
    pub use heirloom_macros::observe;
    #[cfg(feature = "openai")]
    pub use heirloom_openai::TracedCalls as _;
    pub use heirloom_pool::prelude::*;
}

/// Runs the examples of the README as tests.
#[cfg(all(doctest, feature = "rayon", feature = "workers", feature = "macros", feature = "langfuse"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Runs the examples of the page on pools as tests.
#[cfg(all(doctest, feature = "rayon", feature = "crossbeam", feature = "tokio", feature = "record"))]
#[doc = include_str!("../docs/pools.md")]
pub struct Pools;
