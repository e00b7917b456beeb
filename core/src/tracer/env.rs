//! The context and the baggage in this process's environment ([environment variables as carriers]).
//!
//! Both are read once, at the start: the specification takes the variables as immutable from then on.
//!
//! [environment variables as carriers]: https://opentelemetry.io/docs/specs/otel/context/env-carriers/

use super::Tracer;
use crate::{environment, Baggage, BaggageDropped, Context, ParseTraceparentError};

const TRACEPARENT: &str = "TRACEPARENT";
const TRACESTATE: &str = "TRACESTATE";
const BAGGAGE: &str = "BAGGAGE";

/// The variable's text; `None` if it isn't set, is empty, or is not used (see [`Context::from_env`]). Bytes that aren't
/// UTF-8 become U+FFFD, which no `traceparent` contains.
fn variable(name: &str) -> Option<String> {
    let value = environment::variable(name, &[]).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

impl Context {
    /// The context that this process was started with, from `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` ([specification]),
    /// as [`Context::from_headers`] reads them. [`Context::INERT`] if there is none; its children are roots.
    ///
    /// It is bound to the tracer that functions without a handle use here. If there is none, the first tracer that uses
    /// the context binds it. Tracestate and baggage are kept in both cases, so a program without a tracer passes them on.
    ///
    /// The context counts as remote, so the sampler decides whether to record, as for any remote parent. A sampled flag
    /// overrides [`ParentBased`](crate::Sampler::ParentBased), but not a rate limit around it.
    ///
    /// The variables are ignored in a program that runs with more rights than the user who started it (setuid, setgid,
    /// file capabilities; on Linux). A tracestate that can't be parsed is left out.
    ///
    /// Cost: copies of the variables. Takes the lock of the environment, and another one if there is a tracestate or
    /// baggage.
    ///
    /// [specification]: https://opentelemetry.io/docs/specs/otel/context/env-carriers/
    ///
    /// # Errors
    ///
    /// `TRACEPARENT` is set and can't be parsed. The specification then demands a new trace, which `unwrap_or_default()`
    /// gives. The error is for programs that want to report it first.
    ///
    /// ```
    /// use heirloom_core::Context;
    /// let guard = heirloom_core::init("resize")?;
    /// let started_for = Context::from_env().unwrap_or_else(|error| {
    ///     eprintln!("a new trace, because {error}");
    ///     Context::INERT
    /// });
    /// started_for.in_span("resize", |span| drop(span.set("files", 2))); // below the span that started us
    /// # guard.finish();
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    ///
    /// To start a new trace instead, linked to the caller's:
    ///
    /// ```
    /// # use heirloom_core::Context;
    /// let caller = Context::from_env().unwrap_or_default();
    /// Context::INERT.build("nightly job").link(caller).in_scope(|span| drop(span.set("files", 2)));
    /// ```
    pub fn from_env() -> Result<Context, ParseTraceparentError> {
        match Tracer::ambient() {
            Some(tracer) => tracer.extract_env(),
            None => read(),
        }
    }
}

impl Tracer {
    /// As [`Context::from_env`], bound to this tracer. Without a context in the environment, it returns
    /// [`Tracer::context`].
    ///
    /// # Errors
    ///
    /// `TRACEPARENT` is set and can't be parsed.
    ///
    /// ```
    /// # let guard = heirloom_core::builder("resize").start()?;
    /// let cx = guard.tracer().extract_env().unwrap_or_else(|_| guard.tracer().context());
    /// cx.in_span("resize", |_| ());
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn extract_env(&self) -> Result<Context, ParseTraceparentError> {
        read().map(|cx| self.bind(cx))
    }
}

fn read() -> Result<Context, ParseTraceparentError> {
    let [traceparent, tracestate, baggage] = [TRACEPARENT, TRACESTATE, BAGGAGE].map(variable);
    Context::from_headers(traceparent.as_deref(), tracestate.as_deref(), baggage.as_deref())
}

impl Baggage {
    /// The baggage that this process was started with: `BAGGAGE`, as [`Baggage::parse`] reads it. Empty in programs for
    /// which [`Context::from_env`] ignores the environment.
    ///
    /// ```
    /// let (baggage, dropped) = heirloom_core::Baggage::from_env();
    /// println!("{} members, {} not kept", baggage.len(), dropped.total());
    /// ```
    pub fn from_env() -> (Baggage, BaggageDropped) {
        Baggage::parse(&variable(BAGGAGE).unwrap_or_default())
    }
}
