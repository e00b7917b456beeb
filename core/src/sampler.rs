//! [`Sampler`]: which traces are recorded; [`SamplerState`]: a sampler at work.

use crate::{Context, TraceId};
use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bits of a trace id are random ([W3C Trace Context level 2]).
///
/// [W3C Trace Context level 2]: https://www.w3.org/TR/trace-context-2/#randomness-of-trace-id
const RANDOM_BITS: u32 = 56;
/// What [`Sampler::from_name`] takes where the rate of a rate limit is not given.
const DEFAULT_PER_SECOND: u32 = 100;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Decides at the begin of a trace whether it is recorded.
///
/// Only roots and children of *remote* parents ask; a local child does what its parent does. The default is
/// `ParentBased(AlwaysOn)`, as in [OpenTelemetry].
///
/// | in `OTEL_TRACES_SAMPLER` | `OTEL_TRACES_SAMPLER_ARG` | sampler |
/// |---|---|---|
/// | `always_on`, `always_off` | | [`AlwaysOn`](Self::AlwaysOn), [`AlwaysOff`](Self::AlwaysOff) |
/// | `traceidratio` | 0 to 1, default 1 | [`TraceIdRatio`](Self::TraceIdRatio) |
/// | `ratelimited` | traces a second, default 100 | [`RateLimited`](Self::RateLimited) around `AlwaysOn` |
/// | `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio` | as above | [`ParentBased`](Self::ParentBased) around it |
/// | `parentbased_ratelimited` | as above | `RateLimited` around `ParentBased(AlwaysOn)` |
///
/// In the last one the limit is outside, so that a caller that sets the sampled flag on everything can't push the
/// recording past it.
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
    /// This share of all traces, chosen by the trace id alone, so that every process with the same ratio chooses the
    /// same traces and one with a higher ratio chooses all of them too. The parent's decision doesn't count.
    ///
    /// A trace is kept if `R >= T`: `R` is the rightmost 56 bits of the trace id, `T` is `(1 - ratio) * 2^56`
    /// ([consistent probability sampling]). The ratio is rounded to a multiple of 2^-56. One of 1 or more keeps
    /// everything; zero, anything negative, and what is not a number keep nothing.
    ///
    /// [consistent probability sampling]: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
    TraceIdRatio(f64),
    /// What `inner` chooses, but at most so many traces a second, whoever their parent is.
    ///
    /// A token bucket that holds the tokens of one second and starts full: at most `per_second` traces at once, and in
    /// any `s` seconds at most `(s + 1) * per_second`. Zero keeps nothing. What `inner` refuses costs no token.
    RateLimited {
        /// Traces that may begin in a second.
        per_second: u32,
        /// Asked first.
        inner: Box<Sampler>,
    },
    /// A child of a remote parent does what the parent does; a root asks the inner sampler.
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
    /// No sampler has that name, or it can't use the argument.
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
        let ratio = || argument.map_or(Ok(1.0), parse_ratio).map(Sampler::TraceIdRatio);
        let per_second = || argument.map_or(Ok(DEFAULT_PER_SECOND), parse_per_second);
        match name.trim().to_ascii_lowercase().as_str() {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => ratio(),
            "ratelimited" => Ok(Sampler::AlwaysOn.rate_limited(per_second()?)),
            "parentbased_always_on" => Ok(Sampler::AlwaysOn.parent_based()),
            "parentbased_always_off" => Ok(Sampler::AlwaysOff.parent_based()),
            "parentbased_traceidratio" => Ok(ratio()?.parent_based()),
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
            Sampler::AlwaysOn | Sampler::AlwaysOff | Sampler::TraceIdRatio(_) => false,
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
            (Sampler::TraceIdRatio(a), Sampler::TraceIdRatio(b)) => rejection_threshold(*a) == rejection_threshold(*b),
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
    /// For messages: the names of [`from_name`](Sampler::from_name), nested as the samplers are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sampler::AlwaysOn => f.write_str("always_on"),
            Sampler::AlwaysOff => f.write_str("always_off"),
            Sampler::TraceIdRatio(ratio) => write!(f, "traceidratio({ratio})"),
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

const NAMES: &str = "always_on, always_off, traceidratio, ratelimited, parentbased_always_on, parentbased_always_off, \
                     parentbased_traceidratio or parentbased_ratelimited";

fn bad_argument(text: &str, accepted: &'static str) -> ParseSamplerError {
    ParseSamplerError { value: text.into(), accepted, about_argument: true }
}

/// Why there is no such sampler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSamplerError {
    value: String,
    accepted: &'static str,
    about_argument: bool,
}

impl ParseSamplerError {
    /// Whether the name was right and the argument wrong.
    pub fn is_about_argument(&self) -> bool {
        self.about_argument
    }

    /// What would have been accepted, in words.
    pub fn accepted(&self) -> &'static str {
        self.accepted
    }
}

impl fmt::Display for ParseSamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.about_argument { "the sampler's argument" } else { "the sampler's name" };
        write!(f, "{what} is {}, but is {:?}", self.accepted, self.value)
    }
}

impl std::error::Error for ParseSamplerError {}

/// A [`Sampler`] at work: what it decides by, and how much of each rate limit is used up.
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
    AtLeast { threshold: u64 },
    Limited { bucket: Bucket, inner: Box<Rule> },
    AsParent { root: Box<Rule> },
}

impl SamplerState {
    /// The sampler at work, its rate limits unused.
    pub fn new(sampler: &Sampler) -> Self {
        Self(Rule::new(sampler))
    }

    /// Whether to record a new trace (`parent` is `None` or inert) or the part of a remote parent's that begins here.
    ///
    /// `now_ns` is a monotonic time of any origin, in nanoseconds; only rate limits look at it. It may differ between
    /// threads by a little. No clock read, lock or allocation; a compare-and-swap loop for each rate limit.
    pub fn sample(&self, trace: TraceId, parent: Option<Context>, now_ns: u64) -> bool {
        self.0.decide(trace, parent.filter(Context::is_valid), now_ns)
    }
}

impl Rule {
    fn new(sampler: &Sampler) -> Self {
        match sampler {
            Sampler::AlwaysOn => Rule::Always(true),
            Sampler::AlwaysOff => Rule::Always(false),
            Sampler::TraceIdRatio(ratio) => Rule::AtLeast { threshold: rejection_threshold(*ratio) },
            Sampler::RateLimited { per_second, inner } => {
                Rule::Limited { bucket: Bucket::new(*per_second), inner: Box::new(Rule::new(inner)) }
            }
            Sampler::ParentBased(root) => Rule::AsParent { root: Box::new(Rule::new(root)) },
        }
    }

    fn decide(&self, trace: TraceId, parent: Option<Context>, now_ns: u64) -> bool {
        match (self, parent) {
            (Rule::Always(yes), _) => *yes,
            (Rule::AtLeast { threshold }, _) => randomness(trace) >= *threshold,
            (Rule::Limited { bucket, inner }, _) => inner.decide(trace, parent, now_ns) && bucket.take(now_ns),
            (Rule::AsParent { .. }, Some(parent)) => parent.is_sampled(),
            (Rule::AsParent { root }, None) => root.decide(trace, None, now_ns),
        }
    }
}

/// The random part of a trace id, as a number.
fn randomness(trace: TraceId) -> u64 {
    trace.to_u128() as u64 & ((1 << RANDOM_BITS) - 1)
}

/// How many of the 2^56 random values are rejected: 0 is none, 2^56 is all.
fn rejection_threshold(ratio: f64) -> u64 {
    let all = 1_u64 << RANDOM_BITS;
    // A scaling by a power of two is exact. The conversion saturates, and takes what is not a number for zero.
    let kept = (ratio * all as f64).round() as u64;
    all.saturating_sub(kept)
}

/// A token bucket in one word, by the generic cell rate algorithm ([ITU-T I.371], virtual scheduling): the word is the
/// time at which the bucket will be full again; taking a token moves it on by the time that one token takes to refill.
///
/// [ITU-T I.371]: https://www.itu.int/rec/T-REC-I.371
#[derive(Debug)]
struct Bucket {
    /// Every load and store is relaxed: nothing else is published with it.
    full_at_ns: AtomicU64,
    /// How long one token takes. Rounded up, so that the rate is never above the promised one.
    token_ns: u64,
    /// With how much still to refill there is a token to take; `None` where there never is one.
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::propagation::test_bytes::Random;
    use crate::SpanId;

    const SECOND: u64 = NS_PER_SECOND;
    const ALL: u64 = 1 << 56;

    fn caller(sampled: bool) -> Option<Context> {
        Some(Context::from_ids(TraceId::from_u128(1), SpanId::from_u64(1), sampled))
    }

    fn samples(sampler: &Sampler, trace: u128, parent: Option<Context>) -> bool {
        SamplerState::new(sampler).sample(TraceId::from_u128(trace), parent, 0)
    }

    #[test]
    fn always_and_never_ignore_the_parent() {
        for parent in [None, caller(true), caller(false)] {
            assert!(samples(&Sampler::AlwaysOn, 1, parent));
            assert!(!samples(&Sampler::AlwaysOff, 1, parent));
        }
    }

    #[test]
    fn thresholds_are_the_specifications() {
        // The specification's table at precision 5, and its limits.
        for (ratio, threshold) in [(1.0, 0), (0.5, 0x80 << 48), (0.25, 0xc0 << 48), (0.0625, 0xf0 << 48), (0.0, ALL)] {
            assert_eq!(rejection_threshold(ratio), threshold, "{ratio}");
        }
        for (ratio, digits) in [(1.0 / 3.0, 0xaaaab), (0.1, 0xe6666), (0.2, 0xccccd)] {
            assert_eq!(((rejection_threshold(ratio) >> 35) + 1) >> 1, digits, "{ratio}");
        }
        assert_eq!(((rejection_threshold(0.01) >> 31) + 1) >> 1, 0xfd70a4);
        assert_eq!(rejection_threshold((0.5_f64).powi(56)), ALL - 1);
    }

    #[test]
    fn a_trace_is_kept_if_its_random_bits_reach_the_threshold() {
        let quarter = Sampler::TraceIdRatio(0.25);
        let threshold = u128::from(rejection_threshold(0.25));
        assert!(samples(&quarter, threshold, None));
        assert!(!samples(&quarter, threshold - 1, None));
        // The other 72 bits have no say.
        assert!(!samples(&quarter, (u128::MAX << 56) | (threshold - 1), None));
        assert!(samples(&quarter, (7 << 60) | threshold, caller(false)));
    }

    #[test]
    fn ratios_outside_zero_to_one_are_clamped() {
        for ratio in [0.0, -0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-300, f64::MIN_POSITIVE] {
            assert!(!samples(&Sampler::TraceIdRatio(ratio), u128::MAX, None), "{ratio}");
        }
        for ratio in [1.0, 1.5, 1e300, f64::INFINITY] {
            assert!(samples(&Sampler::TraceIdRatio(ratio), 1 << 56, None), "{ratio}");
        }
    }

    #[test]
    fn the_share_of_kept_traces_is_the_ratio() {
        let mut random = Random(5);
        for ratio in [0.01, 0.1, 0.5, 0.9] {
            let state = SamplerState::new(&Sampler::TraceIdRatio(ratio));
            let kept = (0..100_000).filter(|_| state.sample(TraceId::from_u128(random.next().into()), None, 0)).count();
            let share = kept as f64 / 100_000.0;
            assert!((share - ratio).abs() < 0.01, "{ratio}: {share}");
        }
    }

    #[test]
    fn a_higher_ratio_keeps_all_that_a_lower_one_keeps() {
        let mut random = Random(6);
        for _ in 0..10_000 {
            let trace = u128::from(random.next());
            let kept = [0.01, 0.1, 0.3, 0.7].map(|ratio| samples(&Sampler::TraceIdRatio(ratio), trace, None));
            assert!(kept.windows(2).all(|pair| pair[0] <= pair[1]), "{trace:x}: {kept:?}");
        }
    }

    #[test]
    fn a_parent_decides_and_a_root_asks_the_inner_sampler() {
        for (root, inner) in [(true, Sampler::AlwaysOn), (false, Sampler::AlwaysOff)] {
            let sampler = inner.parent_based();
            assert!(samples(&sampler, 1, caller(true)));
            assert!(!samples(&sampler, 1, caller(false)));
            assert_eq!(samples(&sampler, 1, None), root);
            assert_eq!(samples(&sampler, 1, Some(Context::INERT)), root);
        }
    }

    #[test]
    fn a_rate_limit_lets_one_seconds_worth_through_at_once() {
        let state = SamplerState::new(&Sampler::AlwaysOn.rate_limited(3));
        let taken = |now_ns| (0..10).filter(|_| state.sample(TraceId::from_u128(1), None, now_ns)).count();
        assert_eq!(taken(5 * SECOND), 3);
        assert_eq!(taken(5 * SECOND + SECOND / 3), 0);
        assert_eq!(taken(5 * SECOND + SECOND / 3 + 1), 1);
        assert_eq!(taken(1_000 * SECOND), 3, "tokens of more than a second are not saved up");
        assert_eq!(taken(0), 0, "a time that goes back gives nothing back");
    }

    #[test]
    fn a_rate_limit_of_zero_keeps_nothing() {
        assert!(!samples(&Sampler::AlwaysOn.rate_limited(0), 1, caller(true)));
    }

    #[test]
    fn no_interval_sees_more_than_its_share() {
        let mut random = Random(8);
        for per_second in [1, 3, 7, 100, 999] {
            let bucket = Bucket::new(per_second);
            let mut now_ns = random.next() >> 8;
            let mut taken_at_ns = Vec::new();
            for _ in 0..20_000 {
                now_ns += random.next() % (2 * SECOND / u64::from(per_second) / 5);
                taken_at_ns.extend(bucket.take(now_ns).then_some(now_ns));
            }
            for window in [1, 2, 10, 100, 1_000] {
                for ends in taken_at_ns.windows(window + 1) {
                    let seconds = (ends[window] - ends[0]) as f64 / 1e9;
                    let allowed = (seconds + 1.0) * f64::from(per_second) + 1e-6;
                    assert!((window + 1) as f64 <= allowed, "{window} in {seconds} s at {per_second}");
                }
            }
            let seconds = (now_ns - taken_at_ns[0]) as f64 / 1e9;
            assert!(taken_at_ns.len() as f64 >= seconds * f64::from(per_second) * 0.8, "the rate is used");
        }
    }

    #[test]
    fn a_sampled_caller_cannot_push_past_an_outer_limit() {
        let state = SamplerState::new(&Sampler::from_name("parentbased_ratelimited", Some("2")).unwrap());
        let trace = TraceId::from_u128(1);
        assert!((0..100).all(|_| !state.sample(trace, caller(false), 0)), "refused without taking a token");
        assert_eq!((0..100).filter(|_| state.sample(trace, caller(true), 0)).count(), 2);
        assert!(!state.sample(trace, None, 0));
    }

    #[test]
    fn threads_share_one_limit() {
        let state = SamplerState::new(&Sampler::AlwaysOn.rate_limited(1_000));
        let count = || (0..10_000).filter(|_| state.sample(TraceId::from_u128(1), None, 7)).count();
        let counts = std::thread::scope(|scope| {
            let threads = [scope.spawn(count), scope.spawn(count), scope.spawn(count)];
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(counts.iter().sum::<usize>(), 1_000);
    }

    #[test]
    fn the_extremes_of_rate_and_time_do_not_overflow() {
        let bucket = Bucket::new(u32::MAX);
        assert!(bucket.take(0) && bucket.take(u64::MAX) && !bucket.take(0));
        assert!(Bucket::new(1).take(u64::MAX));
    }

    #[test]
    fn samplers_are_equal_if_they_decide_alike() {
        assert_eq!(Sampler::TraceIdRatio(f64::NAN), Sampler::TraceIdRatio(-1.0));
        assert_eq!(Sampler::TraceIdRatio(1.0), Sampler::TraceIdRatio(2.0));
        assert_ne!(Sampler::TraceIdRatio(0.5), Sampler::TraceIdRatio(0.25));
        assert_ne!(Sampler::AlwaysOn.rate_limited(1), Sampler::AlwaysOn.rate_limited(2));
        assert_ne!(Sampler::AlwaysOn.rate_limited(1), Sampler::AlwaysOff.rate_limited(1));
        assert_ne!(Sampler::AlwaysOn.parent_based(), Sampler::AlwaysOff.parent_based());
        assert_ne!(Sampler::AlwaysOn, Sampler::AlwaysOff);
    }

    #[test]
    fn every_name_is_known() {
        let ratio = |ratio| Sampler::TraceIdRatio(ratio);
        for (name, argument, sampler) in [
            ("always_on", None, Sampler::AlwaysOn),
            ("always_off", Some("ignored"), Sampler::AlwaysOff),
            (" TraceIdRatio ", Some(" 0.5 "), ratio(0.5)),
            ("traceidratio", Some(""), ratio(1.0)),
            ("ratelimited", Some("5"), Sampler::AlwaysOn.rate_limited(5)),
            ("ratelimited", None, Sampler::AlwaysOn.rate_limited(100)),
            ("parentbased_always_on", None, Sampler::default()),
            ("parentbased_always_off", None, Sampler::AlwaysOff.parent_based()),
            ("PARENTBASED_TRACEIDRATIO", Some("1e-3"), ratio(0.001).parent_based()),
            ("parentbased_ratelimited", Some("5"), Sampler::default().rate_limited(5)),
        ] {
            assert_eq!(Sampler::from_name(name, argument), Ok(sampler), "{name}");
            assert!(NAMES.contains(&name.trim().to_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn a_bad_name_and_a_bad_argument_are_told_apart() {
        let error = Sampler::from_name("sometimes", Some("x")).unwrap_err();
        assert!(!error.is_about_argument());
        assert!(error.to_string().ends_with("or parentbased_ratelimited, but is \"sometimes\""), "{error}");
        for (name, arguments) in [
            ("traceidratio", ["1.5", "-0.1", "NaN", "inf", "25%", "0,5"]),
            ("parentbased_ratelimited", ["-1", "1.5", "4294967296", "many", "NaN", "1e3"]),
        ] {
            for argument in arguments {
                let error = Sampler::from_name(name, Some(argument)).unwrap_err();
                assert!(error.is_about_argument(), "{name} {argument}");
            }
        }
    }
}
