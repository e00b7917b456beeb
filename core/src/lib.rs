//! Heirloom's core: handles, spans, per-thread shards, one collector, exporters, and a ledger that accounts for every
//! span.
//!
//! An application depends on the crate `heirloom`, which re-exports this one and the adapters for thread pools. A
//! *library* that wants to be traceable depends on this crate with `default-features = false`. Then it has no dependency,
//! and every call below is an empty inlined body until the application turns on the feature `record`.
//!
//! ```
//! use heirloom_core::{builder, export::Memory};
//!
//! let memory = Memory::new();
//! let guard = builder("thumbnailer").exporter(memory.clone()).start()?;
//! guard.tracer().in_root("build", |root| {
//!     root.set("files", 2);
//!     let cx = root.context(); // plain data: capture it, send it, write it down
//!     std::thread::scope(|threads| {
//!         for file in ["a.png", "b.png"] {
//!             threads.spawn(move || cx.in_span("resize", |span| drop(span.set("file", file))));
//!         }
//!     });
//! });
//! let report = guard.finish();
//! assert!(report.is_complete() && memory.len() == 3, "{report}");
//! # Ok::<(), heirloom_core::InitError>(())
//! ```
//!
//! # The words
//!
//! | word | meaning |
//! |---|---|
//! | [`Context`] | the handle: trace id, span id, tracer, flags. Data, not a resource |
//! | [`Span`] | an open span; ends when dropped, on any thread; never changes the current context |
//! | [`Entered`] | a scope in which a span is the current one of this thread; not `Send` |
//! | [`Tracer`] | one configured pipeline with one collector; one is global, several can live side by side |
//! | record, shard | a record is what one operation appends; a shard is the ring that one thread alone appends to |
//! | collector | the one thread that reads all shards and assembles spans |
//! | exporter | where finished spans go; each has its own queue and thread |
//! | lane | where a span ran: process and thread |
//! | mark | a fact about a lane besides its spans, for an analysis: a wait, a fan-out, a poll ([`mark`]) |
//! | transparent | a non-recording span that hands on the context of its nearest recorded ancestor |
//! | [`Ledger`] | counts that account for every span |
//!
//! # What each call costs
//!
//! These are costs of the recording thread, on x86-64 with the processor's counter as the clock. If a call takes ten
//! nanoseconds, most of that is one clock read.
//!
//! | call | clock reads | records | locks | allocations |
//! |---|---|---|---|---|
//! | start a child with a static name, end it | 2 | 2 | 0 | 0 |
//! | start a child with a dynamic name | 1 | 1 | 0 | 0 |
//! | a child of a span that is not sampled | 0 | 0 | 0 | 0 |
//! | `set` a number, boolean or text | 0 | 1 | 0 | 0 |
//! | `set` an array | 0 | 1 | 0 | 1 |
//! | `event`, without and with attributes | 1 | 1 | 0 | 0, 1 |
//! | `enter`, `context`, `Context::current` | 0 | 0 | 0 | 0 |
//! | a span of a fan-out: start, end; a mark ([`mark`]) | 2; 0 to 2 | 2; 1 | 0 | 0 |
//! | the first span of a thread; a static name's first use on a thread | | | 1 | some |
//! | once per eighth of a shard: reading the collector's position, perhaps waking it | | | 0 | 0 |
//!
//! # Features
//!
//! | feature | what it brings |
//! |---|---|
//! | `record` (default) | recording; without it everything is empty |
//! | `otel` | conversions to and from OpenTelemetry's types, and its span exporters as exporters ([`otel`]) |
//! | `async` | a span per future, a context that goes with it ([`future`]); works with `record` and without |
//! | `stream` | the same for streams ([`stream`]) |
//! | `macros` | the attribute [`observe`](macro@observe); works with `record` and without |
//! | `log` | messages for the operator go to the crate `log` ([`diagnostics`]) |
//! | `tracing` | spans of the crate `tracing` as parents ([`foreign`]) |
//! | `serde` | `Serialize` and `Deserialize` for [`Context`], [`TraceId`], [`SpanId`] |
//! | `capture` | values of any type as JSON: inputs, outputs, metadata ([`Capture`]); works with `record` and without |
//! | `llm` | the vocabulary of LLM and agent workloads: observations, usage, cost, trace-level values |
//!
//! # What can't be recorded
//!
//! Heirloom records nothing in the child of a `fork` without `exec` until the child calls [`init`]. It records no span that is
//! started inside another record (in a signal handler) or while its thread exits; the report of `finish` counts those. The shards
//! of this process live in its memory: a `SIGKILL` or an `abort` loses what was not exported yet. `Builder`'s `flush_on_panic`
//! setting flushes before a panic aborts.

// A print panics if it can't write, and blocks: messages go to `diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
#![cfg_attr(
    not(all(feature = "record", feature = "otel", feature = "stream", feature = "tracing")),
    allow(rustdoc::broken_intra_doc_links)
)]

pub use context::{Context, TracerId};
pub use error::{SetError, UpdateError};
#[cfg(feature = "macros")]
pub use heirloom_macros::observe_core as observe;
pub use id::{IdHasher, ParseIdError, SpanId, TraceId};
pub use kind::{SpanKind, Status};
pub use name::Name;
pub use propagation::{
    Baggage, BaggageDropped, BaggageMember, InsertBaggageError, InsertTraceStateError, ParseTraceStateError,
    ParseTraceparentError, TraceState, Traceparent,
};
pub use record::{in_root, in_span, root, span, Entered, Span, SpanBuilder, Update};
pub use trace_update::TraceUpdate;
pub use value::{IntoValue, Value};

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::macro_support::*;
}
mod context;
mod error;
#[cfg(feature = "async")]
pub mod future;
mod id;
mod kind;
pub mod llm;
#[cfg(feature = "macros")]
mod macro_support;
mod mark_kind;
mod name;
#[cfg(feature = "record")]
mod propagated;
mod propagation;
mod record;
#[cfg(feature = "serde")]
mod serial;
#[cfg(feature = "stream")]
pub mod stream;
mod trace_update;
mod value;

#[cfg(feature = "record")]
pub use config::Capture;
#[cfg(feature = "record")]
pub use config::{ConfigWarning, Difference, Limits, Overload, Settings};
#[cfg(feature = "record")]
pub use lane_name::name_lanes;
#[cfg(feature = "record")]
pub use life::PerProcess;
#[cfg(feature = "record")]
pub use pipeline::{Dropped, ExporterLedger, ImplicitRoot, Ledger, OpenSpan, Transparent, Waits};
#[cfg(feature = "record")]
pub use sampler::{ParseSamplerError, Sampler, SamplerState};
#[cfg(feature = "record")]
pub use thread::never_record_here;
#[cfg(feature = "record")]
pub use tracer::{builder, init, on_finish, Builder, Extension, FlushError, Guard, InitError, Report, Tracer};

#[cfg(not(feature = "record"))]
pub use record::{name_lanes, on_finish, PerProcess};

/// Marks: what is recorded besides spans, for adapters of pools, locks and channels. Applications don't need this module.
///
/// A mark is a fact about a lane (a thread of a process) at a time: a fan-out began, a thread was blocked, a lock was held. All
/// marks have the same fields ([`MarkKind`](mark::MarkKind)). The analysis of a recorded run needs them; a viewer of spans
/// doesn't.
///
/// A mark never waits, takes no lock and allocates nothing. One that finds no room in its thread's shard is dropped and counted.
/// Nothing is recorded under a context that isn't sampled.
pub mod mark {
    pub use crate::mark_kind::{FanKind, LockKind, MarkKind, StageKind, WaitCause};
    pub use crate::record::mark::{
        current_span, held, held_until, lock_totals, pool, stage, stage_of, stamp, submitted, wait, waited,
        waited_until, Awaiting, FanOut, Lock, Stamp, Strand,
    };
}

/// Regions: shards in memory that a process shares with a worker process that it started. Applications don't need this
/// module. It is the interface for a crate that starts processes (`heirloom-ipc`), because this crate starts none.
///
/// The parent makes a region before the child exists, in memory that the child inherits. The child attaches to it when it
/// starts its tracer, and records into the shards in it. The child has no collector and no exporter. The parent's
/// collector reads the region's shards as it reads its own. What the child recorded stays there when it ends, in any way.
///
/// The parent validates everything that the child writes: it copies each record out of the region and checks the copy.
#[cfg(feature = "record")]
pub mod region {
    pub use crate::shm::{AttachError, Attachment, Death, HostError, Mapping, RegionReport};
    pub use crate::tracer::{on_init, FindRegion, Heir, Region};
}

#[cfg(any(feature = "record", feature = "capture"))]
pub mod capture;
#[cfg(feature = "record")]
mod clock;
#[cfg(feature = "record")]
mod collector;
#[cfg(feature = "record")]
mod config;
#[cfg(feature = "record")]
pub mod diagnostics;
#[cfg(feature = "record")]
mod dictionary;
#[cfg(feature = "record")]
pub mod environment;
#[cfg(feature = "record")]
pub mod export;
#[cfg(feature = "tracing")]
pub mod foreign;
#[cfg(feature = "record")]
mod keyed_ids;
#[cfg(feature = "record")]
mod lane_name;
#[cfg(feature = "record")]
mod life;
#[cfg(feature = "record")]
mod mapping;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "record")]
mod pipeline;
#[cfg(feature = "record")]
mod random;
#[cfg(feature = "record")]
mod sampler;
#[cfg(feature = "record")]
mod shard;
#[cfg(feature = "record")]
mod shm;
#[cfg(feature = "record")]
mod sync;
#[cfg(feature = "record")]
mod sys;
#[cfg(feature = "record")]
pub mod testing;
#[cfg(feature = "record")]
mod text;
#[cfg(feature = "record")]
mod thread;
#[cfg(feature = "record")]
mod tracer;
#[cfg(feature = "record")]
pub mod tree;
#[cfg(feature = "record")]
mod unplaced;
#[cfg(feature = "record")]
mod wire;

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
