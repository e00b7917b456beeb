//! Samplers: what they keep, and how they are written.
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
fn the_consistent_sampler_keeps_a_trace_if_its_random_bits_reach_the_threshold() {
    let quarter = Sampler::ConsistentProbability(0.25);
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
        for trace in [0, 1, 1 << 56, u128::MAX] {
            assert!(!samples(&Sampler::TraceIdRatio(ratio), trace, None), "{ratio} {trace:x}");
            assert!(!samples(&Sampler::ConsistentProbability(ratio), trace, None), "{ratio} {trace:x}");
        }
    }
    for ratio in [1.0, 1.5, 1e300, f64::INFINITY] {
        for trace in [0, 1, 1 << 56, u128::MAX] {
            assert!(samples(&Sampler::TraceIdRatio(ratio), trace, None), "{ratio} {trace:x}");
            assert!(samples(&Sampler::ConsistentProbability(ratio), trace, None), "{ratio} {trace:x}");
        }
    }
}

/// The rule of OpenTelemetry's Python SDK: the last 8 bytes of the id are less than `round(ratio * 2^64)`. The vectors
/// were made with that formula.
#[test]
fn a_ratio_decides_as_pythons_sdk_does() {
    for (ratio, trace, kept) in [
        (0.5, 0x0af7_6519_16cd_43dd_7fff_ffff_ffff_ffff, true),
        (0.5, 0x0af7_6519_16cd_43dd_8000_0000_0000_0000, false),
        (0.25, 0xffff_ffff_ffff_ffff_3fff_ffff_ffff_ffff, true),
        (0.25, 0x0000_0000_0000_0000_4000_0000_0000_0000, false),
        (0.1, 0x1999_9999_9999_99ff, true),
        (0.1, 0x1999_9999_9999_9a00, false),
        (0.01, 0x028f_5c28_f5c2_8f5f, true),
        (0.01, 0x028f_5c28_f5c2_8f60, false),
        (1e-6, 0x10c6_f7a0_b5eb, true),
        (1e-6, 0x10c6_f7a0_b5ef, false),
    ] {
        assert_eq!(samples(&Sampler::TraceIdRatio(ratio), trace, None), kept, "{ratio} {trace:x}");
    }
}

#[test]
fn the_consistent_sampler_uses_the_random_value_of_the_tracestate_and_writes_its_threshold() {
    let decide =
        |sampler: &Sampler, ot: &str| SamplerState::new(sampler).decide(TraceId::from_u128(1), caller(true), ot, 0);
    let half = Sampler::ConsistentProbability(0.5);
    assert_eq!(decide(&half, "rv:80000000000000"), (true, Threshold::Set(0x80 << 48)));
    assert_eq!(decide(&half, "rv:7fffffffffffff"), (false, Threshold::Erase));
    assert_eq!(decide(&half, ""), (false, Threshold::Erase));
    assert_eq!(decide(&half.clone().rate_limited(1), "rv:80000000000000"), (true, Threshold::Erase));
    assert_eq!(decide(&half.clone().parent_based(), "rv:0000000000000;th:8"), (true, Threshold::Keep));
    assert_eq!(decide(&Sampler::TraceIdRatio(0.5), "rv:ffffffffffffff"), (true, Threshold::Keep));
    assert!(half.uses_tracestate() && half.clone().parent_based().rate_limited(1).uses_tracestate());
    assert!(!Sampler::TraceIdRatio(0.5).parent_based().uses_tracestate());
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
    assert_ne!(Sampler::TraceIdRatio(0.5), Sampler::ConsistentProbability(0.5));
    assert_ne!(Sampler::ConsistentProbability(0.25), Sampler::ConsistentProbability(0.5));
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
        ("consistent_probability", Some("0.5"), Sampler::ConsistentProbability(0.5)),
        ("parentbased_consistent_probability", None, Sampler::ConsistentProbability(1.0).parent_based()),
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
    assert!(error.to_string().starts_with("the sampler's name is \"sometimes\", expected always_on, "), "{error}");
    for (name, arguments) in [
        ("consistent_probability", ["1.5", "-0.1", "NaN", "inf", "25%", "0,5"]),
        ("traceidratio", ["1.5", "-0.1", "NaN", "inf", "25%", "0,5"]),
        ("parentbased_ratelimited", ["-1", "1.5", "4294967296", "many", "NaN", "1e3"]),
    ] {
        for argument in arguments {
            let error = Sampler::from_name(name, Some(argument)).unwrap_err();
            assert!(error.is_about_argument(), "{name} {argument}");
        }
    }
}
