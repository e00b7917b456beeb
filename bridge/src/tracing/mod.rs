//! [`HeirloomLayer`]: spans and events of the crate `tracing` become Heirloom's.
//!
//! # What becomes of what
//!
//! | tracing | Heirloom |
//! |---|---|
//! | a span that a filter lets through | a span; it ends when tracing closes it (its last handle is gone, its children are closed) |
//! | entering and leaving it | a scope of what is current, for both worlds |
//! | `parent: &other` | the parent, if `other` isn't what is current anyway; of one that was filtered out its nearest ancestor |
//! | no parent given | a child of what Heirloom has as current, be that a span of tracing's or of Heirloom's |
//! | `parent: None` while a span of tracing's is current | the root of a new trace |
//! | `parent: None`, or `parent: Span::current()` that is none, while there is no such span | a child of what Heirloom has as current |
//! | a field, at once or by `record` | an attribute of its type; what is given by `?` or `%` is text, and capped |
//! | the fields `otel.name`, `otel.kind`, `otel.status_code`, `otel.status_message` | name, kind, status |
//! | the field `error`: `true`, or a text | the status is an error; the field is an attribute too |
//! | `follows_from` | a link |
//! | an event | an event of what is current, or of its `parent:`; message as name, `level`, `target` and its fields as attributes |
//! | an event of the level `ERROR` | the same, and the status of the span is an error |
//! | level, target, file and line of a span | `level`, `target`, `code.file.path`, `code.line.number` |
//! | fields `gen_ai.*` | what [`gen_ai`](crate::gen_ai) says |
//!
//! The other way round, `heirloom_core::Context::from(&span)` is the context of one of tracing's spans.
//!
//! # Which spans
//!
//! Give the layer a filter of its own, as any layer. What it keeps out isn't there for Heirloom, and children of that
//! attach to the nearest ancestor that is.
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
//! tracing's spans may be left in any order, and then what is current is what it is in tracing. A scope of Heirloom's
//! that ends restores what was current before it, whatever was entered or left inside; and one of tracing's spans that
//! is left ends the scopes of Heirloom's inside it that were forgotten.
//!
//! # Exporters that are traced themselves
//!
//! What Heirloom's own threads do is not recorded, so that an export doesn't make spans to export. An exporter's client
//! may start threads that Heirloom doesn't know (`reqwest`'s blocking one does). Keep out what it says there: the
//! targets `hyper`, `hyper_util`, `reqwest` and `h2`, or everything below `INFO`.
//!
//! # What differs from tracing
//!
//! - An event outside of every span is not recorded, and neither is one with `parent: None` inside one.
//! - A span that is entered again while it is entered doesn't become current again (as in tracing).
//! - A driver that works on a thread of its own (that of `sqlx` for SQLite) takes tracing's current span along, not
//!   Heirloom's: its events reach a span of tracing's that is around the call.
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
/// Cost of a span: one allocation, two locks of the registry's that nobody else waits for, and what Heirloom's span and
/// its attributes cost (two clock reads); entering and leaving it each look at a list of this thread's.
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
    /// Tells the spans of this layer from those of another subscriber's on the same thread.
    number: u64,
    tracer: Context,
    level: bool,
    target: bool,
    location: bool,
    events: bool,
    error_status: bool,
    max_text_bytes: usize,
}

/// The longest text of a value that is given by its `Debug` or `Display`. Larger ones are rarely read, and cost whoever
/// records them.
const MAX_TEXT_BYTES: usize = 16 << 10;

static LAYERS: AtomicU64 = AtomicU64::new(0);

impl HeirloomLayer {
    /// A layer with the defaults. From then on `Context::from(&tracing::Span)` knows the spans that it records.
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

    /// Which tracer records the roots that begin where none of Heirloom's contexts is current. Default: the global one.
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

    /// The longest text of a value that is given by its `Debug` or `Display`, in bytes. A longer one ends in `…`; it is
    /// not formatted to its end. Texts given as texts have the tracer's own limit.
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

/// The context of one of tracing's spans, or of its nearest ancestor that is recorded.
fn context_of(span: &tracing::Span) -> Option<Context> {
    let look_up = |(id, dispatch): (&tracing::Id, &tracing::Dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let scope = registry.span(id)?.scope();
        scope.into_iter().find_map(|span| recorded(&span)).map(|recorded| recorded.cx)
    };
    span.with_subscriber(look_up).flatten()
}
