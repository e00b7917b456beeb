//! [`Sampler`]: which traces are recorded; [`SamplerState`]: a sampler with its state.

mod probability;

pub(crate) use probability::Threshold;

use crate::{Context, TraceId};
use core::fmt;
use probability::{randomness, ratio_bound, ratio_value, rejection_threshold};
use std::sync::atomic::{AtomicU64, Ordering};

/// The rate of a rate limit for which [`Sampler::from_name`] gets none, in traces per second.
const DEFAULT_PER_SECOND: u32 = 100;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Decides at the start of a trace whether it is recorded.
///
/// It is asked for roots and for children of *remote* parents only. A local child follows its parent. The default is
/// `ParentBased(AlwaysOn)`, as in [OpenTelemetry].
///
/// | in `OTEL_TRACES_SAMPLER` | `OTEL_TRACES_SAMPLER_ARG` | sampler |
/// |---|---|---|
/// | `always_on`, `always_off` | | [`AlwaysOn`](Self::AlwaysOn), [`AlwaysOff`](Self::AlwaysOff) |
/// | `traceidratio` | 0 to 1, default 1 | [`TraceIdRatio`](Self::TraceIdRatio) |
/// | `consistent_probability` | 0 to 1, default 1 | [`ConsistentProbability`](Self::ConsistentProbability) |
/// | `ratelimited` | traces a second, default 100 | [`RateLimited`](Self::RateLimited) around `AlwaysOn` |
/// | `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`, `parentbased_consistent_probability` | as above | [`ParentBased`](Self::ParentBased) around it |
/// | `parentbased_ratelimited` | as above | `RateLimited` around `ParentBased(AlwaysOn)` |
///
/// In the last one the rate limit is outside. So a caller that sets the sampled flag on everything can't exceed it.
///
/// Two samplers are equal if they decide alike: `TraceIdRatio(1.0)` and `TraceIdRatio(2.0)` are.
///
/// [OpenTelemetry]: https://opentelemetry.io/docs/specs/otel/trace/sdk/#built-in-samplers
///
/// ```
/// use heirloom_core::Sampler;
/// let sampler = Sampler::TraceIdRatio(0.1).parent_based().rate_limited(50);
/// assert_eq!(sampler.to_string(), "ratelimited(50, parentbased(traceidratio(0.1)))");
/// assert_eq!(Sampler::from_name("parentbased_always_on", None), Ok(Sampler::default()));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Sampler {
    /// Every trace.
    AlwaysOn,
    /// No trace.
    AlwaysOff,
    /// This share of all traces. The trace id alone decides, so every process with the same ratio chooses the same
    /// traces, and one with a higher ratio chooses those and more. The parent's decision is ignored.
    ///
    /// It decides as the SDKs of OpenTelemetry for Rust, Python and Go do: a trace is kept if the last 8 bytes of its id,
    /// as a number, are less than `ratio * 2^64` ([Python's source]). The ratio is rounded down to a multiple of 2^-63. A
    /// ratio of 1 or more keeps everything. Zero, a negative number and NaN keep nothing.
    ///
    /// [Python's source]: https://github.com/open-telemetry/opentelemetry-python/blob/main/opentelemetry-sdk/src/opentelemetry/sdk/trace/sampling.py
    TraceIdRatio(f64),
    /// This share of all traces, by OpenTelemetry's [consistent probability sampling]: processes with different ratios
    /// choose consistently, and the tracestate tells a backend with which probability a trace was kept.
    ///
    /// A trace is kept if `R >= T`. `R` is `rv` in the member `ot` of the tracestate, else the last 56 bits of the trace
    /// id. `T` is `(1 - ratio) * 2^56`; the ratio is rounded to a multiple of 2^-56. A trace that is kept gets `th` in
    /// `ot`, one that is dropped, or limited by a rate limit around this sampler, loses it. The parent's decision is
    /// ignored. Ratios beyond 0 and 1 are treated as in [`TraceIdRatio`](Self::TraceIdRatio), which decides differently:
    /// don't use both in one system.
    ///
    /// Cost: for each root and each child of a remote parent a lock and allocations for the tracestate.
    ///
    /// [consistent probability sampling]: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
    ConsistentProbability(f64),
    /// The traces that `inner` chooses, but at most this many per second, with any parent.
    ///
    /// A token bucket that holds the tokens of one second and starts full: at most `per_second` traces at once, and in
    /// any `s` seconds at most `(s + 1) * per_second`. Zero keeps nothing. A trace that `inner` rejects takes no token.
    RateLimited {
        /// Traces that may start in one second.
        per_second: u32,
        /// Decides first.
        inner: Box<Sampler>,
    },
    /// A child of a remote parent follows the parent. For a root the inner sampler decides.
    ParentBased(Box<Sampler>),
}

impl Sampler {
    /// [`ParentBased`](Self::ParentBased) around this one.
    #[must_use]
    pub fn parent_based(self) -> Self {
        Sampler::ParentBased(Box::new(self))
    }

    /// [`RateLimited`](Self::RateLimited) around this one.
    #[must_use]
    pub fn rate_limited(self, per_second: u32) -> Self {
        Sampler::RateLimited { per_second, inner: Box::new(self) }
    }

    /// The sampler with a name of the [table](Self), and its argument, if there is one.
    ///
    /// Letters of any case; spaces around name and argument are ignored. Samplers without an argument ignore theirs.
    ///
    /// # Errors
    ///
    /// The name is unknown, or the argument is invalid for that sampler.
    ///
    /// ```
    /// use heirloom_core::Sampler;
    /// let sampler = Sampler::from_name("parentbased_traceidratio", Some("0.25"))?;
    /// assert_eq!(sampler, Sampler::TraceIdRatio(0.25).parent_based());
    /// assert!(Sampler::from_name("traceidratio", Some("25%")).is_err_and(|e| e.is_about_argument()));
    /// # Ok::<(), heirloom_core::ParseSamplerError>(())
    /// ```
    pub fn from_name(name: &str, argument: Option<&str>) -> Result<Self, ParseSamplerError> {
        let argument = argument.map(str::trim).filter(|argument| !argument.is_empty());
        let ratio = || argument.map_or(Ok(1.0), parse_ratio);
        let per_second = || argument.map_or(Ok(DEFAULT_PER_SECOND), parse_per_second);
        match name.trim().to_ascii_lowercase().as_str() {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => Ok(Sampler::TraceIdRatio(ratio()?)),
            "consistent_probability" => Ok(Sampler::ConsistentProbability(ratio()?)),
            "ratelimited" => Ok(Sampler::AlwaysOn.rate_limited(per_second()?)),
            "parentbased_always_on" => Ok(Sampler::AlwaysOn.parent_based()),
            "parentbased_always_off" => Ok(Sampler::AlwaysOff.parent_based()),
            "parentbased_traceidratio" => Ok(Sampler::TraceIdRatio(ratio()?).parent_based()),
            "parentbased_consistent_probability" => Ok(Sampler::ConsistentProbability(ratio()?).parent_based()),
            "parentbased_ratelimited" => Ok(Sampler::AlwaysOn.parent_based().rate_limited(per_second()?)),
            _ => Err(ParseSamplerError { value: name.into(), accepted: NAMES, about_argument: false }),
        }
    }
}

impl Sampler {
    /// Whether its decisions depend on the time.
    pub(crate) fn reads_clock(&self) -> bool {
        match self {
            Sampler::RateLimited { .. } => true,
            Sampler::ParentBased(inner) => inner.reads_clock(),
            _ => false,
        }
    }

    /// Whether its decisions depend on the tracestate and change it.
    pub(crate) fn uses_tracestate(&self) -> bool {
        match self {
            Sampler::ConsistentProbability(_) => true,
            Sampler::RateLimited { inner, .. } | Sampler::ParentBased(inner) => inner.uses_tracestate(),
            _ => false,
        }
    }
}

impl Default for Sampler {
    /// `ParentBased(AlwaysOn)`.
    fn default() -> Self {
        Sampler::AlwaysOn.parent_based()
    }
}

impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Sampler::AlwaysOn, Sampler::AlwaysOn) | (Sampler::AlwaysOff, Sampler::AlwaysOff) => true,
            (Sampler::TraceIdRatio(a), Sampler::TraceIdRatio(b)) => ratio_bound(*a) == ratio_bound(*b),
            (Sampler::ConsistentProbability(a), Sampler::ConsistentProbability(b)) => {
                rejection_threshold(*a) == rejection_threshold(*b)
            }
            (Sampler::ParentBased(a), Sampler::ParentBased(b)) => a == b,
            (
                Sampler::RateLimited { per_second: a, inner: inner_a },
                Sampler::RateLimited { per_second: b, inner: inner_b },
            ) => a == b && inner_a == inner_b,
            _ => false,
        }
    }
}

impl Eq for Sampler {}

impl fmt::Display for Sampler {
    /// For messages: the names of [`from_name`](Sampler::from_name), nested like the samplers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sampler::AlwaysOn => f.write_str("always_on"),
            Sampler::AlwaysOff => f.write_str("always_off"),
            Sampler::TraceIdRatio(ratio) => write!(f, "traceidratio({ratio})"),
            Sampler::ConsistentProbability(ratio) => write!(f, "consistent_probability({ratio})"),
            Sampler::RateLimited { per_second, inner } => write!(f, "ratelimited({per_second}, {inner})"),
            Sampler::ParentBased(inner) => write!(f, "parentbased({inner})"),
        }
    }
}

fn parse_ratio(text: &str) -> Result<f64, ParseSamplerError> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| bad_argument(text, "a number from 0 to 1, for example 0.25"))
}

fn parse_per_second(text: &str) -> Result<u32, ParseSamplerError> {
    text.parse().map_err(|_| bad_argument(text, "a whole number of traces a second, from 0 to 4294967295"))
}

const NAMES: &str = "always_on, always_off, traceidratio, consistent_probability, ratelimited, parentbased_always_on, \
                     parentbased_always_off, parentbased_traceidratio, parentbased_consistent_probability or \
                     parentbased_ratelimited";

fn bad_argument(text: &str, accepted: &'static str) -> ParseSamplerError {
    ParseSamplerError { value: text.into(), accepted, about_argument: true }
}

/// Why [`Sampler::from_name`] failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSamplerError {
    value: String,
    accepted: &'static str,
    about_argument: bool,
}

impl ParseSamplerError {
    /// Whether the name was valid and the argument invalid.
    pub fn is_about_argument(&self) -> bool {
        self.about_argument
    }

    /// What would be accepted, in words.
    pub fn accepted(&self) -> &'static str {
        self.accepted
    }
}

impl fmt::Display for ParseSamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.about_argument { "the sampler's argument" } else { "the sampler's name" };
        write!(f, "{what} is {:?}, expected {}", self.value, self.accepted)
    }
}

impl std::error::Error for ParseSamplerError {}

/// A [`Sampler`] with its state: how much of each rate limit is used.
///
/// ```
/// use heirloom_core::{Context, Sampler, SamplerState, SpanId, TraceId};
/// let state = SamplerState::new(&Sampler::default().rate_limited(1));
/// let trace = TraceId::from_u128(7);
/// let caller = Context::from_ids(trace, SpanId::from_u64(1), true);
/// assert!(state.sample(trace, None, 0));
/// assert!(!state.sample(trace, Some(caller), 1_000), "the second in one second");
/// assert!(state.sample(trace, Some(caller), 1_000_000_000));
/// ```
#[derive(Debug)]
pub struct SamplerState(Rule);

#[derive(Debug)]
enum Rule {
    Always(bool),
    Below { bound: u64 },
    AtLeast { threshold: u64 },
    Limited { bucket: Bucket, inner: Box<Rule> },
    AsParent { root: Box<Rule> },
}

impl SamplerState {
    /// The state of a sampler with unused rate limits.
    pub fn new(sampler: &Sampler) -> Self {
        Self(Rule::new(sampler))
    }

    /// Whether to record a new trace (`parent` is `None` or invalid) or this process's part of a remote parent's trace.
    ///
    /// `now_ns` is a monotonic time of any origin, in nanoseconds. Only rate limits use it. Small differences between
    /// threads are allowed. No clock read, lock or allocation; a compare-and-swap loop for each rate limit.
    ///
    /// It doesn't see the tracestate: [`ConsistentProbability`](Sampler::ConsistentProbability) uses the trace id.
    pub fn sample(&self, trace: TraceId, parent: Option<Context>, now_ns: u64) -> bool {
        self.decide(trace, parent, "", now_ns).0
    }

    /// The same with the member `ot` of the tracestate that came with the parent, and what becomes of its threshold.
    pub(crate) fn decide(&self, trace: TraceId, parent: Option<Context>, ot: &str, now_ns: u64) -> (bool, Threshold) {
        self.0.decide(&Asked { trace, parent: parent.filter(Context::is_valid), ot, now_ns })
    }
}

impl Rule {
    fn new(sampler: &Sampler) -> Self {
        match sampler {
            Sampler::AlwaysOn => Rule::Always(true),
            Sampler::AlwaysOff => Rule::Always(false),
            Sampler::TraceIdRatio(ratio) => Rule::Below { bound: ratio_bound(*ratio) },
            Sampler::ConsistentProbability(ratio) => Rule::AtLeast { threshold: rejection_threshold(*ratio) },
            Sampler::RateLimited { per_second, inner } => {
                Rule::Limited { bucket: Bucket::new(*per_second), inner: Box::new(Rule::new(inner)) }
            }
            Sampler::ParentBased(root) => Rule::AsParent { root: Box::new(Rule::new(root)) },
        }
    }

    fn decide(&self, asked: &Asked<'_>) -> (bool, Threshold) {
        match (self, asked.parent) {
            (Rule::Always(yes), _) => (*yes, Threshold::Keep),
            (Rule::Below { bound }, _) => (ratio_value(asked.trace) < *bound, Threshold::Keep),
            (Rule::AtLeast { threshold }, _) => match randomness(asked.trace, asked.ot) >= *threshold {
                true => (true, Threshold::Set(*threshold)),
                false => (false, Threshold::Erase),
            },
            (Rule::Limited { bucket, inner }, _) => match inner.decide(asked) {
                (yes, Threshold::Keep) => (yes && bucket.take(asked.now_ns), Threshold::Keep),
                // The probability isn't the inner sampler's any more.
                (yes, _) => (yes && bucket.take(asked.now_ns), Threshold::Erase),
            },
            (Rule::AsParent { .. }, Some(parent)) => (parent.is_sampled(), Threshold::Keep),
            (Rule::AsParent { root }, None) => root.decide(asked),
        }
    }
}

/// What a sampler is asked about.
struct Asked<'a> {
    trace: TraceId,
    /// A valid one.
    parent: Option<Context>,
    ot: &'a str,
    now_ns: u64,
}

/// A token bucket in one word, by the generic cell rate algorithm ([ITU-T I.371], virtual scheduling). The word is the
/// time at which the bucket is full again. Taking a token adds the time that one token takes to refill.
///
/// [ITU-T I.371]: https://www.itu.int/rec/T-REC-I.371
#[derive(Debug)]
struct Bucket {
    /// Every load and store is relaxed, because no other data is published with it.
    full_at_ns: AtomicU64,
    /// The time in which one token refills. Rounded up, so that the rate never exceeds the configured one.
    token_ns: u64,
    /// The longest time to a full bucket at which a token is left; `None` if there never is one.
    slack_ns: Option<u64>,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let tokens = u64::from(per_second);
        let token_ns = NS_PER_SECOND.div_ceil(tokens.max(1));
        Self { full_at_ns: AtomicU64::new(0), token_ns, slack_ns: tokens.checked_sub(1).map(|n| n * token_ns) }
    }

    /// Takes a token, if there is one.
    fn take(&self, now_ns: u64) -> bool {
        let Some(slack_ns) = self.slack_ns else { return false };
        let after = |full_at_ns: u64| {
            let has_token = full_at_ns <= now_ns.saturating_add(slack_ns);
            has_token.then(|| full_at_ns.max(now_ns).saturating_add(self.token_ns))
        };
        self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).is_ok()
    }
}

#[cfg(test)]
mod tests;
