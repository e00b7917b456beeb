//! What the expansions of `#[observe]` call. Not for anybody else: it may change with any release.

#[cfg(feature = "capture")]
mod capture;
mod field;
mod future;
mod outcome;

pub use crate::{Context, Span, SpanKind};
pub use field::{field, Field};
pub use future::{future, future_then, Observed};
pub use outcome::{failed, failed_with};

#[cfg(feature = "capture")]
pub use capture::{debug, input, output, Captured};

#[cfg(feature = "llm")]
pub use crate::llm::{Level, ObservationType};
#[cfg(feature = "stream")]
pub use future::stream;

#[cfg(feature = "llm")]
use crate::llm::Observation as _;
use crate::Name;

/// What is current, for the parent of a span that begins now. Nobody keeps it: it isn't handed out.
#[inline(always)]
pub fn current() -> Context {
    crate::record::current()
}

/// Begins the span of a call.
#[inline(always)]
pub fn begin<'a>(parent: Context, name: impl Into<Name<'a>>) -> Span {
    parent.span(name)
}

/// The same of another kind.
#[inline(always)]
pub fn begin_as<'a>(parent: Context, name: impl Into<Name<'a>>, kind: SpanKind) -> Span {
    parent.build(name).kind(kind).start()
}

/// Calls the body of a function at once. A closure that is given to this is known to be called once: it may return what it
/// captured, and borrows from that.
#[inline(always)]
pub fn call<R, F: FnOnce() -> R>(body: F) -> R {
    body()
}

/// Says what kind of work the span stands for.
#[cfg(feature = "llm")]
pub fn observation(span: &Span, of: ObservationType) {
    span.observation_type(of);
}

/// Says how grave it is.
#[cfg(feature = "llm")]
pub fn level(span: &Span, level: Level) {
    span.level(level);
}
