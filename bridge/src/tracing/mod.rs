//! [`HeirloomLayer`]: records spans and events of the crate `tracing` as Heirloom's.
//!
//! # Mapping
//!
//! | tracing | Heirloom |
//! |---|---|
//! | a span that passes the filter | a span; it ends when tracing closes it (its last handle is dropped, its children are closed) |
//! | entering and exiting it | a scope: the span is current for both systems |
//! | `parent: &other` | the parent, unless `other` is tracing's current span; if `other` was filtered out, its nearest recorded ancestor |
//! | no parent given | a child of Heirloom's current span, which may come from either system |
//! | `parent: None` while tracing has a current span | the root of a new trace |
//! | `parent: None`, or `parent: Span::current()` without such a span, while tracing has no current span | a child of Heirloom's current span |
//! | a field, at once or by `record` | an attribute of its type; `?` and `%` give text, which is capped |
//! | the fields `otel.name`, `otel.kind`, `otel.status_code`, `otel.status_message` | name, kind, status |
//! | the field `error`: `true`, or a text | the status is an error; the field is an attribute too |
//! | `follows_from` | a link |
//! | an event | an event of the current span, or of its `parent:`; the message is the name; `level`, `target` and the fields are attributes |
//! | an event of the level `ERROR` | the same, and the status of the span is an error |
//! | level, target, file and line of a span | `level`, `target`, `code.file.path`, `code.line.number` |
//! | fields `gen_ai.*` | see [`gen_ai`](crate::gen_ai) |
//!
//! In the other direction, `heirloom_core::Context::from(&span)` is the context of one of tracing's spans.
//!
//! # Filters
//!
//! Give the layer a filter, as any layer of tracing. A span that it rejects isn't recorded, and its children attach to the
//! nearest recorded ancestor.
//!
//! ```
//! use heirloom_bridge::HeirloomLayer;
//! use tracing_subscriber::{filter::{LevelFilter, Targets}, prelude::*};
//!
//! let which = Targets::new().with_target("tower_http", LevelFilter::DEBUG).with_target("rig", LevelFilter::INFO);
//! tracing_subscriber::registry().with(HeirloomLayer::new().with_filter(which)).init();
//! ```
//!
//! # Out of order
//!
//! tracing's spans may be exited in any order. The current span is then the one that it is in tracing. When a scope of
//! Heirloom's ends, it restores the context that was current before it, no matter which spans were entered or exited inside.
//! When one of tracing's spans is exited, it ends the leaked scopes of Heirloom's inside it.
//!
//! # Exporters that are traced themselves
//!
//! Spans of Heirloom's own threads are not recorded, so that an export doesn't make spans to export. But an exporter's
//! client may start threads that Heirloom doesn't know (`reqwest`'s blocking client does). Filter out the spans of these
//! threads: the targets `hyper`, `hyper_util`, `reqwest` and `h2`, or everything below `INFO`.
//!
//! # Differences from tracing
//!
//! - An event outside of every span is not recorded, and neither is an event with `parent: None` inside a span.
//! - A span that is entered again while it is entered doesn't become current again (as in tracing).
//! - A driver that works on a separate thread (`sqlx` for SQLite) takes tracing's current span along, but not
//!   Heirloom's: its events reach the tracing span around the call.
//! - Only one layer of this kind in a subscriber records.
//! - The subscriber must have the `Registry` of `tracing-subscriber` at its bottom.

mod event;
mod fields;
mod layer;
mod recorded;
mod stack;

use heirloom_core::{Context, Tracer};
use layer::recorded;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::Registry;

/// A layer of `tracing-subscriber` that records tracing's spans and events as Heirloom's. See the [module](self).
///
/// | setting | default |
/// |---|---|
/// | [`with_tracer`](Self::with_tracer) | the global one |
/// | [`with_level`](Self::with_level), [`with_target`](Self::with_target), [`with_location`](Self::with_location) | on |
/// | [`with_events`](Self::with_events), [`with_error_status`](Self::with_error_status) | on |
/// | [`with_max_text_bytes`](Self::with_max_text_bytes) | 16 KiB |
///
/// Cost of a span: one allocation, two uncontended locks of the registry, and the cost of Heirloom's span and
/// its attributes (two clock reads). Entering and exiting it each search a list of this thread's entered spans.
///
/// ```
/// use heirloom_bridge::HeirloomLayer;
/// use heirloom_core::testing;
/// use tracing_subscriber::prelude::*;
///
/// testing::run(|t| {
///     let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new());
///     tracing::subscriber::with_default(subscriber, || {
///         heirloom_core::in_root("ours", |_| {
///             tracing::info_span!("theirs", bytes = 12).in_scope(|| drop(heirloom_core::span("ours again")));
///         });
///     });
///     t.assert_tree("ours\n  theirs\n    ours again");
/// });
/// ```
///
/// With other settings:
///
/// ```
/// # use heirloom_bridge::HeirloomLayer;
/// let guard = heirloom_core::builder("beta").start()?;
/// let layer = HeirloomLayer::new()
///     .with_tracer(guard.tracer())
///     .with_location(false) // no file and line
///     .with_error_status(false) // an error that is logged isn't the span's outcome
///     .with_max_text_bytes(1024); // of what is given by `?` and `%`
/// # drop(layer);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Debug)]
#[must_use = "a layer does nothing until it is added to a subscriber"]
pub struct HeirloomLayer {
    /// Distinguishes the spans of this layer from those of another subscriber's layer on the same thread.
    number: u64,
    tracer: Context,
    level: bool,
    target: bool,
    location: bool,
    events: bool,
    error_status: bool,
    max_text_bytes: usize,
}

/// Default limit in bytes for the text of a value that is given by its `Debug` or `Display`. Longer texts are rarely read,
/// and formatting them delays the recording thread.
const MAX_TEXT_BYTES: usize = 16 << 10;

static LAYERS: AtomicU64 = AtomicU64::new(0);

impl HeirloomLayer {
    /// A layer with the defaults. From this call on, `Context::from(&tracing::Span)` returns the contexts of recorded spans.
    pub fn new() -> Self {
        heirloom_core::foreign::set_tracing_lookup(context_of);
        Self {
            number: LAYERS.fetch_add(1, Ordering::Relaxed),
            tracer: Context::INERT,
            level: true,
            target: true,
            location: true,
            events: true,
            error_status: true,
            max_text_bytes: MAX_TEXT_BYTES,
        }
    }

    /// The tracer for roots that start while Heirloom has no current context. Default: the global one.
    pub fn with_tracer(mut self, tracer: &Tracer) -> Self {
        self.tracer = tracer.context();
        self
    }

    /// Whether spans have the attribute `level`.
    pub fn with_level(mut self, on: bool) -> Self {
        self.level = on;
        self
    }

    /// Whether spans have the attribute `target`.
    pub fn with_target(mut self, on: bool) -> Self {
        self.target = on;
        self
    }

    /// Whether spans have the attributes `code.file.path` and `code.line.number`.
    pub fn with_location(mut self, on: bool) -> Self {
        self.location = on;
        self
    }

    /// Whether tracing's events are recorded.
    pub fn with_events(mut self, on: bool) -> Self {
        self.events = on;
        self
    }

    /// Whether an event of the level `ERROR` makes the status of its span an error.
    pub fn with_error_status(mut self, on: bool) -> Self {
        self.error_status = on;
        self
    }

    /// The limit in bytes for the text of a value that is given by its `Debug` or `Display`. A longer text ends in `…` and
    /// is not formatted to its end. For plain texts the tracer's limit applies.
    pub fn with_max_text_bytes(mut self, bytes: usize) -> Self {
        self.max_text_bytes = bytes;
        self
    }
}

impl Default for HeirloomLayer {
    fn default() -> Self {
        Self::new()
    }
}

/// The context of one of tracing's spans, or of its nearest recorded ancestor.
fn context_of(span: &tracing::Span) -> Option<Context> {
    let look_up = |(id, dispatch): (&tracing::Id, &tracing::Dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let scope = registry.span(id)?.scope();
        scope.into_iter().find_map(|span| recorded(&span)).map(|recorded| recorded.cx)
    };
    span.with_subscriber(look_up).flatten()
}
