//! [`Context`]: the handle that a span passes to its children.

use crate::{SpanId, TraceId};
use core::fmt;
use core::hash::{Hash, Hasher};

/// What a child needs to know of its parent: trace id, span id, tracer and flags.
///
/// 32 bytes of plain data: `Copy + Send + Sync + 'static`. Capture it in a closure, put it in a message, write it to an
/// environment variable. Making and copying one costs no clock read, lock or allocation. Two contexts are equal if all
/// their fields are; whether the ids came from [`from_ids`](Context::from_ids) makes no difference.
///
/// A context refers to the nearest *recorded* span. The context of a *transparent* span (one that could not be recorded)
/// has its parent's ids, so that children never point to a span that isn't exported.
///
/// ```
/// use heirloom_core::{Context, SpanId, TraceId};
/// let parent = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
/// assert!(parent.is_valid() && parent.is_sampled() && parent.is_remote());
/// assert!(!Context::INERT.is_valid());
/// ```
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Context {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    /// The tracer that records the children (`pipeline/table.rs`). Zero: not bound.
    pub(crate) tracer: TracerKey,
    /// [`SAMPLED`], [`RANDOM`], [`TRANSPARENT`], [`REMOTE`], [`EXPLICIT`], [`EPOCH`], [`TEXT_STATE`], and above them the
    /// index of what its trace brought (`propagated/`). One word, so that the fast path tests all flags with one comparison.
    pub(crate) flags: u32,
}

/// Process, index and generation of a tracer (`pipeline/table.rs`); zero in a context that isn't bound to one.
pub(crate) type TracerKey = u32;

/// Tells tracers apart. For code that waits for work on a tracer's behalf (see [`on_finish`](crate::on_finish)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TracerId(TracerKey);

impl TracerId {
    #[cfg(feature = "record")]
    pub(crate) fn new(key: TracerKey) -> Self {
        Self(key)
    }
}

/// The trace is recorded. The W3C trace flag of this name.
pub(crate) const SAMPLED: u32 = 1;
/// The last 7 bytes of the trace id are random. The W3C trace flag of this name.
pub(crate) const RANDOM: u32 = 2;
/// The flags that W3C defines, at the positions that W3C gives them.
const W3C: u32 = SAMPLED | RANDOM;
/// The span was not recorded; the ids are those of its nearest recorded ancestor.
pub(crate) const TRANSPARENT: u32 = 1 << 8;
/// The ids came from another process.
pub(crate) const REMOTE: u32 = 1 << 9;
/// The program gave the ids by [`Context::from_ids`]. Only together with [`REMOTE`].
pub(crate) const EXPLICIT: u32 = 1 << 10;
/// The clock epoch, which the root of the local trace chose (`clock/timeline.rs`): bits 2 to 5, which no version of the
/// W3C's flags uses here, because unknown ones are cleared.
#[cfg(feature = "record")]
pub(crate) const EPOCH: u32 = 0xf << EPOCH_SHIFT;
#[cfg(feature = "record")]
const EPOCH_SHIFT: u32 = 2;
/// Nothing was current where this context was taken as the current one. Its children are *implicit* roots, which the ledger
/// counts. It makes no difference between two contexts.
pub(crate) const IMPLICIT: u32 = 1 << 14;
/// Each record of a span with this context must have the text of the tracestate, because another process reads it, and
/// that process has a separate table.
#[cfg(feature = "record")]
pub(crate) const TEXT_STATE: u32 = 1 << 15;
/// The lowest bit of the index of what the trace brought: its tracestate and its baggage.
#[cfg(feature = "record")]
const PROPAGATED_SHIFT: u32 = 16;
/// The bits of that index.
#[cfg(feature = "record")]
pub(crate) const PROPAGATED: u32 = !0 << PROPAGATED_SHIFT;

const _: () = assert!(core::mem::size_of::<Context>() == 32 && core::mem::align_of::<Context>() == 8);

impl Context {
    /// The invalid context: no trace, not sampled, bound to no tracer. Its children are roots.
    pub const INERT: Context = Context { trace: TraceId::INVALID, span: SpanId::INVALID, tracer: 0, flags: 0 };

    /// The context of a span of which only the ids are known: from a header, a queue, a database.
    ///
    /// It counts as remote, and the first tracer that uses it as a parent binds it. If either id is zero, the result is
    /// [`Context::INERT`]: the [specification] makes such a context invalid.
    ///
    /// Exporters see that a span's parent was given in this way
    /// ([`SpanRef::parent_is_explicit`](crate::export::SpanRef::parent_is_explicit)): in Langfuse the span is a root of
    /// its trace. Where the ids come in a `traceparent`, use [`from_traceparent`](Self::from_traceparent).
    ///
    /// [specification]: https://www.w3.org/TR/trace-context-2/#trace-id
    pub const fn from_ids(trace: TraceId, span: SpanId, sampled: bool) -> Self {
        Self::from_ids_with_flags(trace, span, sampled as u8)
    }

    /// As [`from_ids`](Self::from_ids), with all W3C trace flags; unknown flags are cleared.
    pub const fn from_ids_with_flags(trace: TraceId, span: SpanId, trace_flags: u8) -> Self {
        let cx = Self::remote(trace, span, trace_flags);
        let explicit = if cx.is_valid() { EXPLICIT } else { 0 };
        Self { flags: cx.flags | explicit, ..cx }
    }

    /// The context of a trace whose id is known before its first span starts: its children are roots with this trace id.
    ///
    /// The tracer's sampler decides, as for any root. The result is [`Context::INERT`] if the id is zero.
    ///
    /// ```
    /// use heirloom_core::{testing, Context, TraceId};
    /// testing::run(|t| {
    ///     let order = TraceId::from_seed("order 4711"); // the same in every process
    ///     Context::from_trace_id(order).in_span("pay", |_| ());
    ///     let span = &t.spans()[0];
    ///     assert_eq!((span.trace_id, span.parent_span_id), (order, None));
    /// });
    /// ```
    pub const fn from_trace_id(trace: TraceId) -> Self {
        if !trace.is_valid() {
            return Self::INERT;
        }
        Self { trace, span: SpanId::INVALID, tracer: 0, flags: REMOTE }
    }

    /// The current context of a thread on which nothing is current.
    #[cfg(feature = "record")]
    pub(crate) const NOTHING: Context = Context { flags: IMPLICIT, ..Self::INERT };

    /// The context of another process's span, as it was propagated. As for [`from_ids_with_flags`](Self::from_ids_with_flags),
    /// but the ids are not explicit.
    pub(crate) const fn remote(trace: TraceId, span: SpanId, trace_flags: u8) -> Self {
        if !trace.is_valid() || !span.is_valid() {
            return Self::INERT;
        }
        Self { trace, span, tracer: 0, flags: trace_flags as u32 & W3C | REMOTE }
    }

    #[inline(always)]
    pub(crate) const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    #[cfg(feature = "record")]
    #[inline(always)]
    pub(crate) const fn with(self, flags: u32) -> Self {
        Self { flags: self.flags | flags, ..self }
    }

    #[cfg(feature = "record")]
    #[inline(always)]
    pub(crate) const fn without(self, flags: u32) -> Self {
        Self { flags: self.flags & !flags, ..self }
    }

    /// The context as another process gets it: remote, bound to no tracer, without the tracestate and the baggage.
    ///
    /// A span of this process that is not sampled has no separate id: in this process its context has its parent's id.
    /// Here it gets a new one at each call, because the sampled flag may differ from the one that came with the parent's
    /// id, and each pair of id and flags must be one span's ([mutating the traceparent field]). All other ids stay.
    ///
    /// [`traceparent`](Self::traceparent), serde and the conversions to OpenTelemetry call it. Cost for a span that is
    /// not sampled: one atomic addition and one hash; otherwise a copy. No clock read, lock or allocation.
    ///
    /// [mutating the traceparent field]: https://www.w3.org/TR/trace-context-2/#mutating-the-traceparent-field
    ///
    /// ```
    /// use heirloom_core::{Context, SpanId, TraceId};
    /// let received = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), false);
    /// assert_eq!(received.to_remote(), received, "not a span of this process: handed on as it is");
    /// ```
    #[must_use]
    pub fn to_remote(&self) -> Context {
        #[cfg(feature = "record")]
        if self.span.is_valid() && self.flags & (SAMPLED | REMOTE) == 0 {
            return Self::remote(self.trace, SpanId(crate::random::seed()), self.trace_flags());
        }
        Self::remote(self.trace, self.span, self.trace_flags())
    }

    /// The context of a local trace that starts in this clock epoch.
    #[cfg(feature = "record")]
    pub(crate) const fn with_epoch(self, epoch: u8) -> Self {
        Self { flags: self.flags & !EPOCH | (epoch as u32) << EPOCH_SHIFT & EPOCH, ..self }
    }

    /// The index of the tracestate and the baggage that the trace brought, in the process's table. Zero: none.
    #[cfg(feature = "record")]
    #[inline(always)]
    pub(crate) const fn propagated(&self) -> u16 {
        (self.flags >> PROPAGATED_SHIFT) as u16
    }

    #[cfg(feature = "record")]
    pub(crate) const fn with_propagated(self, index: u16) -> Self {
        Self { flags: self.flags & !PROPAGATED | (index as u32) << PROPAGATED_SHIFT, ..self }
    }

    /// The trace id; [`TraceId::INVALID`] for an invalid context.
    #[inline]
    pub const fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// The id of the nearest recorded span; [`SpanId::INVALID`] if there is none.
    #[inline]
    pub const fn span_id(&self) -> SpanId {
        self.span
    }

    /// The tracer that records the children; `None` if the context isn't bound to one.
    #[inline]
    pub const fn tracer_id(&self) -> Option<TracerId> {
        match self.tracer {
            0 => None,
            key => Some(TracerId(key)),
        }
    }

    /// The W3C trace flags: bit 0 sampled, bit 1 random.
    #[inline]
    pub const fn trace_flags(&self) -> u8 {
        (self.flags & W3C) as u8
    }

    /// Whether there is a trace id and a span id, so that a child has a parent.
    #[inline]
    pub const fn is_valid(&self) -> bool {
        self.trace.is_valid() && self.span.is_valid()
    }

    /// Whether children are recorded.
    #[inline]
    pub const fn is_sampled(&self) -> bool {
        self.has(SAMPLED)
    }

    /// Whether the trace id's last 7 bytes are random ([random flag]).
    ///
    /// [random flag]: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
    #[inline]
    pub const fn is_random(&self) -> bool {
        self.has(RANDOM)
    }

    /// Whether the ids came from another process.
    #[inline]
    pub const fn is_remote(&self) -> bool {
        self.has(REMOTE)
    }

    /// Whether the span of this context could not be recorded. The ids are then those of its nearest recorded ancestor.
    #[inline]
    pub const fn is_transparent(&self) -> bool {
        self.has(TRANSPARENT)
    }
}

impl Context {
    /// What makes two contexts equal.
    #[inline]
    const fn identity(&self) -> (TraceId, SpanId, TracerKey, u32) {
        (self.trace, self.span, self.tracer, self.flags & !(EXPLICIT | IMPLICIT))
    }
}

impl PartialEq for Context {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Context {}

impl Hash for Context {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.identity().hash(hasher);
    }
}

impl From<&Context> for Context {
    #[inline]
    fn from(context: &Context) -> Self {
        *context
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.trace.is_valid() {
            return f.write_str("Context(inert)");
        }
        write!(f, "Context({}-{}-{:02x}", self.trace, self.span, self.trace_flags())?;
        f.write_str(if self.is_remote() { " remote" } else { "" })?;
        f.write_str(if self.is_transparent() { " transparent)" } else { ")" })
    }
}
