//! [`ObservationBuilder`]: settings of an observation whose span has started.

use super::{Level, Observation, ObservationType};
use crate::capture::Captured;
use crate::{Context, IntoValue, Name, Span, SpanBuilder};

/// An observation whose settings are not complete. Its span starts with the builder.
///
/// ```
/// # use heirloom_core::{llm::Observation, root};
/// # let turn = root("turn");
/// let answer = turn
///     .generation("answer")
///     .model("m-large")
///     .model_parameter("temperature", 0.2)
///     .input(&["What is 6 x 7?"])
///     .start();
/// answer.output("42");
/// ```
#[derive(Debug)]
#[must_use = "a span ends when it is dropped: `start` gives it"]
pub struct ObservationBuilder(Span);

impl ObservationBuilder {
    fn begin(builder: SpanBuilder<'_>, of: ObservationType) -> Self {
        let span = builder.start();
        span.observation_type(of);
        Self(span)
    }

    fn with(self, set: impl FnOnce(&Span)) -> Self {
        set(&self.0);
        self
    }

    /// As [`Observation::input`].
    pub fn input(self, value: &(impl Captured + ?Sized)) -> Self {
        self.with(|span| _ = span.input(value))
    }

    /// As [`Observation::metadata`].
    pub fn metadata(self, key: &str, value: &(impl Captured + ?Sized)) -> Self {
        self.with(|span| _ = Observation::metadata(span, key, value))
    }

    /// As [`Observation::model`].
    pub fn model(self, name: &str) -> Self {
        self.with(|span| _ = span.model(name))
    }

    /// As [`Observation::model_parameter`].
    pub fn model_parameter<'v>(self, name: &str, value: impl IntoValue<'v>) -> Self {
        self.with(|span| _ = span.model_parameter(name, value))
    }

    /// As [`Observation::prompt`].
    pub fn prompt(self, name: &str, version: u32) -> Self {
        self.with(|span| _ = span.prompt(name, version))
    }

    /// As [`Observation::version`].
    pub fn version(self, version: &str) -> Self {
        self.with(|span| _ = Observation::version(span, version))
    }

    /// As [`Observation::level`].
    pub fn level(self, level: Level) -> Self {
        self.with(|span| _ = span.level(level))
    }

    /// As [`Span::set`].
    pub fn set<'k, 'v>(self, key: impl Into<Name<'k>>, value: impl IntoValue<'v>) -> Self {
        self.with(|span| _ = span.set(key, value))
    }

    /// Returns the span, to be ended by the caller.
    pub fn start(self) -> Span {
        self.0
    }

    /// Runs `body` in the span, with that span current.
    pub fn in_scope<R>(self, body: impl FnOnce(&Span) -> R) -> R {
        let scope = self.0.enter();
        let result = body(&self.0);
        drop(scope);
        result
    }
}

impl Span {
    /// Starts a child that calls a language model.
    pub fn generation<'a>(&self, name: impl Into<Name<'a>>) -> ObservationBuilder {
        self.observation(ObservationType::Generation, name)
    }

    /// Starts a child of a known kind.
    pub fn observation<'a>(&self, of: ObservationType, name: impl Into<Name<'a>>) -> ObservationBuilder {
        ObservationBuilder::begin(self.build(name), of)
    }
}

impl Context {
    /// Starts a child that calls a language model; a root if the context is invalid.
    pub fn generation<'a>(self, name: impl Into<Name<'a>>) -> ObservationBuilder {
        self.observation(ObservationType::Generation, name)
    }

    /// Starts a child of a known kind; a root if the context is invalid.
    pub fn observation<'a>(self, of: ObservationType, name: impl Into<Name<'a>>) -> ObservationBuilder {
        ObservationBuilder::begin(self.build(name), of)
    }
}
