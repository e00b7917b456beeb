//! [`Observation`]: the vocabulary as methods of a span.

use super::{keys, Level, ObservationType, Usage};
use crate::capture::{self, Captured};
use crate::{IntoValue, Span, Update};
use std::time::SystemTime;

/// The vocabulary of LLM and agent workloads, as methods of a [`Span`] and of an [`Update`].
///
/// Each method sets attributes (see [`keys`]); the last call wins. On a non-recording span nothing is set, as with
/// [`Span::set`]. [`Span::try_set`] and [`Context::try_update`](crate::Context::try_update) return why.
///
/// Cost: one record for each attribute (three for `usage`), no clock read on the span's own thread. Methods for a value
/// of any type serialise it ([`capture`]). Methods with a caller's key allocate the attribute's key.
///
/// ```
/// use heirloom_core::llm::{Observation, Usage};
/// use heirloom_core::testing;
/// testing::run(|t| {
///     let root = heirloom_core::root("question");
///     let answer = root.generation("answer").model("m-large").input(&["What is 6 x 7?"]).start();
///     answer.output("42").usage(Usage::new(12, 2).detail("cache_read", 5)).cost_usd(0.0004);
///     drop((answer, root));
///     let span = t.span("answer");
///     assert!(span.attributes.iter().any(|(key, value)| key == "gen_ai.usage.input_tokens" && value.as_i64() == Some(12)));
/// });
/// ```
pub trait Observation: sealed::AsSpan {
    /// Sets the kind of work.
    fn observation_type(&self, of: ObservationType) -> &Self {
        self.as_span().set(keys::OBSERVATION_TYPE, of.name());
        if let Some(operation) = of.operation() {
            self.as_span().set(keys::OPERATION, operation);
        }
        self
    }

    /// Captures the input.
    fn input(&self, value: &(impl Captured + ?Sized)) -> &Self {
        let _ = capture::record(self.as_span(), keys::INPUT, value);
        self
    }

    /// Captures the output.
    fn output(&self, value: &(impl Captured + ?Sized)) -> &Self {
        let _ = capture::record(self.as_span(), keys::OUTPUT, value);
        self
    }

    /// Captures one entry of the metadata.
    fn metadata(&self, key: &str, value: &(impl Captured + ?Sized)) -> &Self {
        let span = self.as_span();
        if span.is_recording() {
            let _ = capture::record(span, joined(keys::METADATA, key), value);
        }
        self
    }

    /// Sets the severity.
    fn level(&self, level: Level) -> &Self {
        self.as_span().set(keys::LEVEL, level.name());
        self
    }

    /// Sets an explanation of the level.
    fn status_message(&self, message: &str) -> &Self {
        self.as_span().set(keys::STATUS_MESSAGE, message);
        self
    }

    /// Sets the version of the traced component.
    fn version(&self, version: &str) -> &Self {
        self.as_span().set(keys::VERSION, version);
        self
    }

    /// Sets the model that was asked.
    fn model(&self, name: &str) -> &Self {
        self.as_span().set(keys::REQUEST_MODEL, name);
        self
    }

    /// Sets the model that answered, if it is another one.
    fn response_model(&self, name: &str) -> &Self {
        self.as_span().set(keys::RESPONSE_MODEL, name);
        self
    }

    /// Sets one parameter of the request: `temperature`, `max_tokens`, ..
    fn model_parameter<'v>(&self, name: &str, value: impl IntoValue<'v>) -> &Self {
        let span = self.as_span();
        if span.is_recording() {
            span.set(joined(keys::REQUEST, name), value);
        }
        self
    }

    /// Sets the numbers of tokens.
    fn usage(&self, usage: Usage) -> &Self {
        let span = self.as_span();
        if !span.is_recording() {
            return self;
        }
        let counts =
            [(keys::INPUT_TOKENS, usage.input), (keys::OUTPUT_TOKENS, usage.output), (keys::TOTAL_TOKENS, usage.total)];
        counts.into_iter().for_each(|(key, count)| _ = count.map(|count| span.set(key, count)));
        usage.details.iter().for_each(|(name, count)| _ = span.set(joined(keys::USAGE, name), *count));
        self
    }

    /// Sets the cost, in US dollars.
    fn cost_usd(&self, dollars: f64) -> &Self {
        self.as_span().set(keys::COST, dollars);
        self
    }

    /// Sets a part of the cost (`input`, `output`, ..), in US dollars.
    fn cost_detail(&self, part: &str, dollars: f64) -> &Self {
        let span = self.as_span();
        if span.is_recording() {
            span.set(joined(keys::COST_DETAIL, part), dollars);
        }
        self
    }

    /// Sets the present time as the time of the first token. Reads the wall clock.
    fn completion_start_now(&self) -> &Self {
        self.completion_start(SystemTime::now())
    }

    /// Sets the time of the first token. A time before 1970 or after the year 9999 is not recorded.
    fn completion_start(&self, at: SystemTime) -> &Self {
        let span = self.as_span();
        if span.is_recording() && has_a_date(at) {
            span.set(keys::COMPLETION_START_TIME, humantime::format_rfc3339_micros(at).to_string());
        }
        self
    }

    /// Sets the managed prompt that was used.
    fn prompt(&self, name: &str, version: u32) -> &Self {
        self.as_span().set(keys::PROMPT_NAME, name).set(keys::PROMPT_VERSION, version);
        self
    }
}

impl Observation for Span {}
impl Observation for Update {}

mod sealed {
    /// Types with a span to write to.
    pub trait AsSpan {
        fn as_span(&self) -> &crate::Span;
    }
}

impl sealed::AsSpan for Span {
    #[inline]
    fn as_span(&self) -> &Span {
        self
    }
}

impl sealed::AsSpan for Update {
    #[inline]
    fn as_span(&self) -> &Span {
        self
    }
}

/// The end of the year 9999, in seconds since 1970.
const MAX_SECONDS: u64 = 253_402_300_799;

/// Whether RFC 3339 can represent the time.
fn has_a_date(at: SystemTime) -> bool {
    at.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since.as_secs() <= MAX_SECONDS)
}

fn joined(prefix: &str, key: &str) -> String {
    [prefix, key].concat()
}
