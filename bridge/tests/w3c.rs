//! The cases of the W3C's test suite for trace context, as a table of what arrives and what must be sent on
//! ([source](https://github.com/w3c/trace-context/tree/main/test): `test.py` with the strict level 2 and level 2 of the
//! specification). A service gets a request, starts a span for it, and makes requests of its own, each in a span.
//!
//! Each case holds with samplers that record everything, nothing and half of the traces.

use heirloom_bridge::HeaderMapExt;
use heirloom_core::{testing, Context, Sampler, TraceState};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashSet;

/// The ids of the requests below.
const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";
const SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const NOT_SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";
const RANDOM: &str = "00-12345678901234567890123456789012-1234567890123456-02";

/// The trace that the requests must belong to.
#[derive(Clone, Copy, PartialEq)]
enum Trace {
    /// The one that arrived.
    Same,
    /// Another one: what arrived was invalid.
    New,
}
use Trace::{New, Same};

struct Case {
    name: &'static str,
    /// Names and values of the headers that arrive.
    arrives: Vec<(&'static str, String)>,
    trace: Trace,
    /// The tracestate that must be sent, by key and value, in this order; `None` where the case is not about it.
    state: Option<Vec<(String, String)>>,
}

fn case(name: &'static str, arrives: &[(&'static str, &str)], trace: Trace) -> Case {
    let arrives = arrives.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Case { name, arrives, trace, state: None }
}

fn parent(name: &'static str, traceparent: &str, trace: Trace) -> Case {
    case(name, &[("traceparent", traceparent)], trace)
}

/// A case with a valid `traceparent`, these headers `tracestate`, and the members that must be sent.
fn state(name: &'static str, arrive: &[&str], sent: &[(&str, &str)]) -> Case {
    state_as(name, "tracestate", arrive, sent)
}

fn state_as(name: &'static str, header: &'static str, arrive: &[&str], sent: &[(&str, &str)]) -> Case {
    let mut arrives = vec![("traceparent", NOT_SAMPLED.to_owned())];
    arrives.extend(arrive.iter().map(|value| (header, (*value).to_owned())));
    let sent = sent.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Case { name, arrives, trace: Same, state: Some(sent) }
}

/// The cases about `traceparent`.
fn traceparents() -> Vec<Case> {
    let longer = |text: &str| format!("{SAMPLED}{text}");
    let version = |version: &str, rest: &str| format!("{version}{}{rest}", &SAMPLED[2..]);
    let trace = |trace: &str| format!("00-{trace}-{PARENT}-01");
    let span = |span: &str| format!("00-{TRACE}-{span}-01");
    let flags = |flags: &str| format!("00-{TRACE}-{PARENT}-{flags}");
    vec![
        case("both_traceparent_and_tracestate_missing", &[], New),
        parent("traceparent_included_tracestate_missing", SAMPLED, Same),
        case("traceparent_duplicated", &[("traceparent", SAMPLED), ("traceparent", SAMPLED)], New),
        case("traceparent_header_name: a dash", &[("trace-parent", SAMPLED)], New),
        case("traceparent_header_name: a dot", &[("trace.parent", SAMPLED)], New),
        case("traceparent_header_name_valid_casing: camel", &[("TraceParent", SAMPLED)], Same),
        case("traceparent_header_name_valid_casing: mixed", &[("TrAcEpArEnT", SAMPLED)], Same),
        case("traceparent_header_name_valid_casing: upper", &[("TRACEPARENT", SAMPLED)], Same),
        parent("traceparent_version_0x00: a dot", &longer("."), New),
        parent("traceparent_version_0x00: more", &longer("-what-the-future-will-be-like"), New),
        parent("traceparent_version_0xcc", &version("cc", ""), Same),
        parent("traceparent_version_0xcc: more", &version("cc", "-what-the-future-will-be-like"), Same),
        parent("traceparent_version_0xcc: a dot", &version("cc", ".what-the-future-will-be-like"), New),
        parent("traceparent_version_0xff", &version("ff", ""), New),
        parent("traceparent_version_illegal_characters: first", &version(".0", ""), New),
        parent("traceparent_version_illegal_characters: second", &version("0.", ""), New),
        parent("traceparent_version_too_long: 3", &version("000", ""), New),
        parent("traceparent_version_too_long: 4", &version("0000", ""), New),
        parent("traceparent_version_too_short", &version("0", ""), New),
        parent("traceparent_trace_id_all_zero", &trace(&"0".repeat(32)), New),
        parent("traceparent_trace_id_illegal_characters: first", &trace(".2345678901234567890123456789012"), New),
        parent("traceparent_trace_id_illegal_characters: last", &trace("1234567890123456789012345678901."), New),
        parent("traceparent_trace_id_too_long", &trace("123456789012345678901234567890123"), New),
        parent("traceparent_trace_id_too_short", &trace("1234567890123456789012345678901"), New),
        parent("traceparent_parent_id_all_zero", &span(&"0".repeat(16)), New),
        parent("traceparent_parent_id_illegal_characters: first", &span(".234567890123456"), New),
        parent("traceparent_parent_id_illegal_characters: last", &span("123456789012345."), New),
        parent("traceparent_parent_id_too_long", &span("12345678901234567"), New),
        parent("traceparent_parent_id_too_short", &span("123456789012345"), New),
        parent("traceparent_trace_flags_illegal_characters: first", &flags(".0"), New),
        parent("traceparent_trace_flags_illegal_characters: second", &flags("0."), New),
        parent("traceparent_trace_flags_too_long", &flags("001"), New),
        parent("traceparent_trace_flags_too_short", &flags("1"), New),
        parent("traceparent_ows_handling: space before", &format!(" {SAMPLED}"), Same),
        parent("traceparent_ows_handling: tab before", &format!("\t{SAMPLED}"), Same),
        parent("traceparent_ows_handling: space after", &format!("{SAMPLED} "), Same),
        parent("traceparent_ows_handling: tab after", &format!("{SAMPLED}\t"), Same),
        parent("traceparent_ows_handling: both", &format!("\t {SAMPLED} \t"), Same),
    ]
}

/// The cases about `tracestate`.
fn tracestates() -> Vec<Case> {
    let (one, three) = ([("foo", "1")], [("foo", "1"), ("bar", "2"), ("baz", "3")]);
    let key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let vendor = format!("{key}@a-z0-9_-*/");
    let value: String = (' '..='~').filter(|char| !",=".contains(*char)).collect();
    let numbered =
        |from: usize, to: usize| (from..=to).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
    let all: Vec<(String, String)> = (1..=32).map(|n| (format!("bar{n:02}"), format!("{n:02}"))).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let headers = [numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 32), numbered(31, 33)];
    let [ten, twenty, thirty, full, over] = headers.each_ref().map(String::as_str);
    let without_parent = |name, text| Case { state: Some(Vec::new()), ..case(name, &[("tracestate", text)], New) };
    let mut cases = vec![
        without_parent("tracestate_included_traceparent_missing", "foo=1"),
        without_parent("tracestate_included_traceparent_missing: two", "foo=1,bar=2"),
        state("tracestate_included_traceparent_included", &["foo=1,bar=2"], &three[..2]),
        state_as("tracestate_header_name: a dash", "trace-state", &["foo=1"], &[]),
        state_as("tracestate_header_name: a dot", "trace.state", &["foo=1"], &[]),
        state_as("tracestate_header_name_valid_casing: camel", "TraceState", &["foo=1"], &one),
        state_as("tracestate_header_name_valid_casing: mixed", "TrAcEsTaTe", &["foo=1"], &one),
        state_as("tracestate_header_name_valid_casing: upper", "TRACESTATE", &["foo=1"], &one),
        state("tracestate_empty_header", &[""], &[]),
        state("tracestate_empty_header: behind", &["foo=1", ""], &one),
        state("tracestate_empty_header: before", &["", "foo=1"], &one),
        state(
            "tracestate_multiple_headers_different_keys",
            &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            &[("foo", "1"), ("bar", "2"), ("rojo", "1"), ("congo", "2"), ("baz", "3")],
        ),
        state("tracestate_all_allowed_characters", &[&format!("{key}={value}")], &[(key, &value)]),
        state("tracestate_all_allowed_characters: vendor", &[&format!("{vendor}={value}")], &[(&vendor, &value)]),
        state("tracestate_ows_handling: spaces and tabs", &["foo=1 \t , \t bar=2, \t baz=3"], &three),
        state("tracestate_ows_handling: tabs and spaces", &["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], &three),
        state("tracestate_key_illegal_characters: a space", &["foo =1"], &[]),
        state("tracestate_key_illegal_characters: upper case", &["FOO=1"], &[]),
        state("tracestate_key_illegal_characters: a dot", &["foo.bar=1"], &[]),
        state("tracestate_key_illegal_vendor_format: at the end", &["foo@=1,bar=2"], &[("foo@", "1"), ("bar", "2")]),
        state("tracestate_key_illegal_vendor_format: at the start", &["@foo=1,bar=2"], &[]),
        state("tracestate_key_illegal_vendor_format: two", &["foo@@bar=1,bar=2"], &[("foo@@bar", "1"), ("bar", "2")]),
        state(
            "tracestate_key_illegal_vendor_format: apart",
            &["foo@bar@baz=1,bar=2"],
            &[("foo@bar@baz", "1"), ("bar", "2")],
        ),
        state("tracestate_member_count_limit: 32", &[ten, twenty, thirty, full], &all),
        state("tracestate_member_count_limit: 33", &[ten, twenty, thirty, over], &[]),
        state("tracestate_value_illegal_characters: two signs", &["foo=bar=baz"], &[]),
        state("tracestate_value_illegal_characters: no value", &["foo=,bar=3"], &[]),
    ];
    for around in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        cases.push(state("tracestate_ows_handling: around", &[around], &one));
    }
    for key in ["z".repeat(256), format!("{}@{}", "t".repeat(241), "v".repeat(14)), format!("{}@v", "t".repeat(242))] {
        let text = format!("{key}=1");
        cases.push(state("tracestate_key_length_limit", &["foo=1", &text], &[("foo", "1"), (&key, "1")]));
    }
    let key = format!("t@{}", "v".repeat(15));
    cases.push(state("tracestate_key_length_limit", &["foo=1", &format!("{key}=1")], &[("foo", "1"), (&key, "1")]));
    cases.push(state("tracestate_key_length_limit: 257", &["foo=1", &format!("{}=1", "z".repeat(257))], &[]));
    cases
}

/// Duplicated keys may stay, or all but one of them is dropped.
fn duplicates() -> Vec<Case> {
    let about = |arrive: &[&str]| Case { state: None, ..state("tracestate_duplicated_keys", arrive, &[]) };
    vec![about(&["foo=1,foo=1"]), about(&["foo=1,foo=2"]), about(&["foo=1", "foo=1"]), about(&["foo=1", "foo=2"])]
}

fn request(case: &Case) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &case.arrives {
        let value = HeaderValue::from_str(value).expect("no control characters but tabs");
        headers.append(HeaderName::from_bytes(name.as_bytes()).expect("a name"), value);
    }
    headers
}

/// What a service sends with `calls` requests that it makes for one.
fn sent(case: &Case, calls: usize) -> Vec<HeaderMap> {
    request(case).trace_or_root().in_span("serve", |serve| {
        let call = |_| {
            let mut headers = HeaderMap::new();
            serve.in_span("call", |call| headers.insert_trace(call));
            headers
        };
        (0..calls).map(call).collect()
    })
}

fn context(headers: &HeaderMap, name: &str) -> Context {
    assert_eq!(headers.get_all("traceparent").iter().count(), 1, "{name}");
    headers.trace().unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn members(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = headers.get("tracestate").map_or("", |value| value.to_str().expect("ASCII"));
    let (state, _) = TraceState::parse(text).expect("a tracestate");
    state.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn check(case: &Case) {
    let sent = &sent(case, 1)[0];
    let context = context(sent, case.name);
    let is_same = context.trace_id().to_string() == TRACE;
    assert_eq!(is_same, case.trace == Same, "{}: {context:?}", case.name);
    assert_ne!(context.span_id().to_string(), PARENT, "{}", case.name);
    if let Some(state) = &case.state {
        assert_eq!(&members(sent), state, "{}", case.name);
    }
}

/// Runs a check with a tracer that has each of these samplers.
fn with_every_sampler(check: impl Fn()) {
    let half = || Sampler::TraceIdRatio(0.5);
    let root = [Sampler::AlwaysOn, Sampler::AlwaysOff, half(), Sampler::TraceIdRatio(0.0), Sampler::TraceIdRatio(1.0)];
    let limited = [Sampler::AlwaysOn.rate_limited(0), Sampler::AlwaysOn.rate_limited(10)];
    let based = [Sampler::AlwaysOn, Sampler::AlwaysOff, half()].map(Sampler::parent_based);
    for sampler in root.into_iter().chain(limited).chain(based) {
        testing::run_with(|builder| builder.sampler(sampler), |_| check());
    }
}

#[test]
fn every_case_about_the_traceparent_holds_with_every_sampler() {
    with_every_sampler(|| traceparents().iter().for_each(check));
}

#[test]
fn every_case_about_the_tracestate_holds_with_every_sampler() {
    with_every_sampler(|| tracestates().iter().for_each(check));
}

#[test]
fn a_tracestate_with_a_key_twice_keeps_one_of_them() {
    with_every_sampler(|| {
        for case in &duplicates() {
            check(case);
            let members = members(&sent(case, 1)[0]);
            assert!(members.iter().any(|(key, value)| key == "foo" && ["1", "2"].contains(&value.as_str())));
        }
    });
}

/// The suite's `multiple_requests_with_valid_traceparent`, `.._without_traceparent`, `.._with_illegal_traceparent`.
#[test]
fn each_of_several_requests_has_another_parent_id() {
    let illegal = format!("00-{}-{PARENT}-01", "0".repeat(32));
    let cases = [parent("valid", SAMPLED, Same), case("none", &[], New), parent("illegal", &illegal, New)];
    with_every_sampler(|| {
        for case in &cases {
            let sent = sent(case, 3);
            let all: Vec<Context> = sent.iter().map(|headers| context(headers, case.name)).collect();
            let spans: HashSet<_> = all.iter().map(Context::span_id).collect();
            let traces: HashSet<_> = all.iter().map(Context::trace_id).collect();
            assert_eq!((spans.len(), traces.len()), (3, 1), "{}", case.name);
            assert_eq!(all[0].trace_id().to_string() == TRACE, case.trace == Same, "{}", case.name);
        }
    });
}

#[test]
fn the_random_flag_is_handed_on() {
    with_every_sampler(|| {
        let case = parent("propagates_random_flag", RANDOM, Same);
        check(&case);
        assert!(context(&sent(&case, 1)[0], case.name).is_random());
    });
}

/// Not in the suite: the sampled flag that is sent never has an id that came with another one.
#[test]
fn the_parents_id_is_never_sent_with_another_sampled_flag() {
    with_every_sampler(|| {
        for arrived in [SAMPLED, NOT_SAMPLED, RANDOM] {
            let case = parent("flags", arrived, Same);
            let context = context(&sent(&case, 1)[0], case.name);
            assert_ne!(context.span_id().to_string(), PARENT);
        }
    });
}
