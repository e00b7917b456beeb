//! What a process finds in its own environment ([environment variables as carriers]).
//!
//! Read once, at the start: the variables say what the process was started for, and the specification wants them to be
//! taken as immutable from then on.
//!
//! [environment variables as carriers]: https://opentelemetry.io/docs/specs/otel/context/env-carriers/

use super::Tracer;
use crate::{sys, Baggage, BaggageDropped, Context, ParseTraceparentError};

const TRACEPARENT: &str = "TRACEPARENT";
const TRACESTATE: &str = "TRACESTATE";
const BAGGAGE: &str = "BAGGAGE";

/// The variable's text; `None` if it isn't set, is empty, or must not be believed (see [`Context::from_env`]). What is
/// not UTF-8 becomes U+FFFD, which no `traceparent` contains.
fn variable(name: &str) -> Option<String> {
    if sys::is_elevated() {
        return None;
    }
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

impl Context {
    /// The context that this process was started with: what `TRACEPARENT` and `TRACESTATE` say ([specification]).
    /// [`Context::INERT`] if there is none, so that its children are roots either way.
    ///
    /// It is bound to the tracer that functions without a handle use here, which keeps the tracestate; so call it after
    /// [`init`](crate::init). Where there is no tracer, it binds to the one that first uses it, without the tracestate.
    ///
    /// It counts as remote: the sampler is asked whether to record, as for any remote parent. A sampled flag gets the
    /// better of [`ParentBased`](crate::Sampler::ParentBased), never of a rate limit around it.
    ///
    /// The variables are ignored, as if they were not set, in a program that runs with more rights than whoever started
    /// it (setuid, setgid, file capabilities; on Linux). A tracestate that can't be read is left out.
    ///
    /// Cost: copies of the variables. Takes the lock of the environment, and one of the tracer's if there is a
    /// tracestate.
    ///
    /// [specification]: https://opentelemetry.io/docs/specs/otel/context/env-carriers/
    ///
    /// # Errors
    ///
    /// `TRACEPARENT` is there and can't be read. The specification then wants a new trace, so `unwrap_or_default()` is
    /// a fair answer; the error is for those who want to say so first.
    ///
    /// ```
    /// use heirloom_core::Context;
    /// let guard = heirloom_core::init("resize")?;
    /// let started_for = Context::from_env().unwrap_or_else(|error| {
    ///     eprintln!("a new trace, because {error}");
    ///     Context::INERT
    /// });
    /// started_for.in_span("resize", |span| drop(span.set("files", 2))); // below whoever started us
    /// # guard.finish();
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    ///
    /// A program that does not want to be a part of its caller's trace makes it a link:
    ///
    /// ```
    /// # use heirloom_core::Context;
    /// let caller = Context::from_env().unwrap_or_default();
    /// Context::INERT.build("nightly job").link(caller).in_scope(|span| drop(span.set("files", 2)));
    /// ```
    pub fn from_env() -> Result<Context, ParseTraceparentError> {
        match Tracer::ambient() {
            Some(tracer) => tracer.extract_env(),
            None => variable(TRACEPARENT).map_or(Ok(Context::INERT), |text| Context::from_traceparent(&text)),
        }
    }
}

impl Tracer {
    /// As [`Context::from_env`], bound to this tracer: where there is no context in the environment, that is
    /// [`Tracer::context`].
    ///
    /// # Errors
    ///
    /// `TRACEPARENT` is there and can't be read.
    ///
    /// ```
    /// # let guard = heirloom_core::builder("resize").start()?;
    /// let cx = guard.tracer().extract_env().unwrap_or_else(|_| guard.tracer().context());
    /// cx.in_span("resize", |_| ());
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn extract_env(&self) -> Result<Context, ParseTraceparentError> {
        match variable(TRACEPARENT) {
            Some(traceparent) => self.extract(&traceparent, variable(TRACESTATE).as_deref()),
            None => Ok(self.context()),
        }
    }
}

impl Baggage {
    /// The baggage that this process was started with: what `BAGGAGE` says, as [`Baggage::parse`] reads it. Empty where
    /// [`Context::from_env`] ignores the environment.
    ///
    /// ```
    /// let (baggage, dropped) = heirloom_core::Baggage::from_env();
    /// println!("{} members, {} not kept", baggage.len(), dropped.total());
    /// ```
    pub fn from_env() -> (Baggage, BaggageDropped) {
        Baggage::parse(&variable(BAGGAGE).unwrap_or_default())
    }
}
