//! Functions that the expansion of `#[observe]` calls. Not a public interface: it may change with any release.

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

/// The current context, as the parent of a span that starts now. It is not kept, so it isn't marked as handed out.
#[inline(always)]
pub fn current() -> Context {
    crate::record::current()
}

/// Starts the span of a call.
#[inline(always)]
pub fn begin<'a>(parent: Context, name: impl Into<Name<'a>>) -> Span {
    parent.span(name)
}

/// The same with another kind.
#[inline(always)]
pub fn begin_as<'a>(parent: Context, name: impl Into<Name<'a>>, kind: SpanKind) -> Span {
    parent.build(name).kind(kind).start()
}

/// Calls the body of a function at once. The compiler knows that this calls the closure only once, so the closure may
/// return what it captured, and borrows from that.
#[inline(always)]
pub fn call<R, F: FnOnce() -> R>(body: F) -> R {
    body()
}

/// Sets the kind of work that the span stands for.
#[cfg(feature = "llm")]
pub fn observation(span: &Span, of: ObservationType) {
    span.observation_type(of);
}

/// Sets the severity.
#[cfg(feature = "llm")]
pub fn level(span: &Span, level: Level) {
    span.level(level);
}
