//! Settings from the environment.
#![allow(clippy::unwrap_used)]
use super::*;

fn read(variables: &[(&str, &str)]) -> (Settings, Vec<ConfigWarning>) {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
    Settings::from_variables("app", find)
}

/// Without warnings.
fn settings(variables: &[(&str, &str)]) -> Settings {
    let (settings, warnings) = read(variables);
    assert_eq!(warnings, [], "{variables:?}");
    settings
}

fn defaults() -> Settings {
    Settings { service_name: "app".into(), ..Settings::default() }
}

const NUMBERS: [&str; 16] = [
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "HEIRLOOM_CAPTURE_MAX_BYTES",
    "HEIRLOOM_RING_BYTES",
    "HEIRLOOM_SHARD_BYTES",
    "HEIRLOOM_QUEUE_BYTES",
    "HEIRLOOM_MAX_OPEN_SPANS",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "HEIRLOOM_FINISH_TIMEOUT_MS",
];
const SWITCHES: [&str; 4] = ["OTEL_SDK_DISABLED", "HEIRLOOM_STRICT", "HEIRLOOM_FLUSH_ON_PANIC", "HEIRLOOM_VERIFY"];

#[test]
fn an_empty_environment_gives_the_defaults() {
    assert_eq!(settings(&[]), defaults());
}

#[test]
fn an_empty_value_is_no_value() {
    let others = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "HEIRLOOM_TRACE_FILE"];
    for name in NUMBERS.iter().chain(&SWITCHES).chain(&others) {
        assert_eq!(settings(&[(name, "")]), defaults(), "{name}");
    }
    assert_eq!(settings(&[("HEIRLOOM_VERIFY", "  "), ("OTEL_SERVICE_NAME", " ")]), defaults());
}

#[test]
fn every_variable_is_read() {
    let read = settings(&[
        ("OTEL_SERVICE_NAME", "svc"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=no,a=1"),
        ("OTEL_SDK_DISABLED", "True"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "3"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "4"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"),
        ("HEIRLOOM_CAPTURE", "0"),
        ("HEIRLOOM_CAPTURE_MAX_BYTES", "1 KiB"),
        ("HEIRLOOM_SHARD_BYTES", "64KiB"),
        ("HEIRLOOM_OVERLOAD", "wait:11ms"),
        ("HEIRLOOM_RING_BYTES", "5000000"),
        ("HEIRLOOM_QUEUE_BYTES", "1 MiB"),
        ("HEIRLOOM_MAX_OPEN_SPANS", "6"),
        ("OTEL_BSP_SCHEDULE_DELAY", "7"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "8"),
        ("HEIRLOOM_FINISH_TIMEOUT_MS", "9"),
        ("HEIRLOOM_DRAIN_INTERVAL_MS", "10"),
        ("HEIRLOOM_TRACE_FILE", "out dir/t.json"),
        ("HEIRLOOM_STRICT", "1"),
        ("HEIRLOOM_FLUSH_ON_PANIC", "TRUE"),
        ("HEIRLOOM_VERIFY", "true"),
        ("HEIRLOOM_SAMPLE", "0"),
    ]);
    let limits = Limits {
        attributes_per_span: 1,
        events_per_span: 2,
        links_per_span: 3,
        attributes_per_event: 4,
        attributes_per_link: 0,
        attribute_value_chars: Some(5),
        attribute_value_bytes: 65_536,
    };
    let expected = Settings {
        service_name: "svc".into(),
        resource: vec![("a".into(), "1".into())],
        disabled: true,
        sampler: Sampler::TraceIdRatio(0.25).parent_based(),
        limits,
        capture: Capture::default().enabled(false).max_bytes(1 << 10),
        shard_bytes: 65_536,
        overload: Some(Overload::Wait(Duration::from_millis(11))),
        complete: None,
        ring_bytes: 5_000_000,
        queue_bytes: 1 << 20,
        max_open_spans_per_thread: 6,
        export_delay: Duration::from_millis(7),
        export_timeout: Duration::from_millis(8),
        finish_timeout: Duration::from_millis(9),
        drain_interval: Duration::from_millis(10),
        trace_file: Some("out dir/t.json".into()),
        strict: true,
        flush_on_panic: true,
        sample: false,
        verify: true,
    };
    assert_eq!(read, expected);
}

#[test]
fn a_wrong_number_is_ignored_and_named() {
    for name in NUMBERS.into_iter().chain(["HEIRLOOM_DRAIN_INTERVAL_MS"]) {
        for wrong in ["-1", "1.5", "many", "99999999999999999999", "1e3", "12 34", "0x10"] {
            let (settings, warnings) = read(&[(name, wrong)]);
            assert_eq!(settings, defaults(), "{name}={wrong}");
            assert_eq!((warnings.len(), warnings[0].name(), warnings[0].value()), (1, name, wrong));
        }
    }
}

#[test]
fn a_number_out_of_range_is_ignored_and_named() {
    for (name, wrong) in [
        ("HEIRLOOM_RING_BYTES", "1048575"),
        ("HEIRLOOM_RING_BYTES", "1 MB"),
        ("HEIRLOOM_SHARD_BYTES", "0"),
        ("HEIRLOOM_SHARD_BYTES", "32768"),
        ("HEIRLOOM_SHARD_BYTES", "1000000"),
        ("HEIRLOOM_SHARD_BYTES", "2GiB"),
        ("HEIRLOOM_SHARD_BYTES", "17179869184GiB"),
        ("HEIRLOOM_SHARD_BYTES", "1MB"),
        ("HEIRLOOM_SHARD_BYTES", "KiB"),
        ("HEIRLOOM_OVERLOAD", "wait:0ms"),
        ("HEIRLOOM_OVERLOAD", "wait:11s"),
        ("HEIRLOOM_OVERLOAD", "block"),
        ("HEIRLOOM_CAPTURE_MAX_BYTES", "63"),
        ("HEIRLOOM_QUEUE_BYTES", "65535"),
        ("HEIRLOOM_MAX_OPEN_SPANS", "0"),
        ("HEIRLOOM_MAX_OPEN_SPANS", "1048577"),
        ("HEIRLOOM_DRAIN_INTERVAL_MS", "0"),
        ("HEIRLOOM_DRAIN_INTERVAL_MS", "10001"),
    ] {
        let (settings, warnings) = read(&[(name, wrong)]);
        assert_eq!((settings, warnings[0].name(), warnings[0].value()), (defaults(), name, wrong));
    }
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [("65536", 1 << 16), ("64KiB", 1 << 16), ("1 MiB", 1 << 20), (" 1GiB ", 1 << 30)] {
        assert_eq!(settings(&[("HEIRLOOM_SHARD_BYTES", text)]).shard_bytes, bytes, "{text}");
    }
}

#[test]
fn the_specific_limit_wins_over_the_general_one() {
    let limits = settings(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "8")]).limits;
    assert_eq!((limits.attributes_per_span, limits.attributes_per_event, limits.attributes_per_link), (7, 8, 7));
    assert_eq!((limits.events_per_span, limits.links_per_span), (128, 128));
    let general = ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9");
    assert_eq!(settings(&[general]).limits.attribute_value_chars, Some(9));
    let specific = ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0");
    assert_eq!(settings(&[general, specific]).limits.attribute_value_chars, Some(0));
}

#[test]
fn a_wrong_specific_limit_leaves_the_general_one() {
    let (settings, warnings) = read(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "x")]);
    assert_eq!((settings.limits.attributes_per_span, warnings.len()), (7, 1));
}

#[test]
fn opentelemetrys_switch_is_true_only_for_true() {
    for (text, disabled) in [("true", true), ("TRUE", true), (" True ", true), ("false", false), ("FALSE", false)] {
        assert_eq!(settings(&[("OTEL_SDK_DISABLED", text)]).disabled, disabled, "{text}");
    }
    for text in ["1", "0", "yes", "on", "tru", "true;"] {
        let (settings, warnings) = read(&[("OTEL_SDK_DISABLED", text)]);
        assert!(!settings.disabled);
        let expected = format!("OTEL_SDK_DISABLED={text:?} is ignored: it takes true or false");
        assert_eq!(warnings[0].to_string(), expected);
    }
}

#[test]
fn a_switch_for_capture_that_cannot_be_read_turns_it_off() {
    assert_eq!(settings(&[("HEIRLOOM_CAPTURE", "true")]), defaults());
    let (settings, warnings) = read(&[("HEIRLOOM_CAPTURE", "off")]);
    assert_eq!(settings.capture, Capture::default().enabled(false));
    assert_eq!(
        warnings[0].to_string(),
        "HEIRLOOM_CAPTURE=\"off\" is ignored: it takes true, 1, false or 0, and is false until then"
    );
}

#[test]
fn heirlooms_switches_take_digits_too() {
    for (text, on) in [("1", true), ("true", true), ("True", true), ("0", false), ("false", false)] {
        let read = settings(&SWITCHES[1..].iter().map(|name| (*name, text)).collect::<Vec<_>>());
        assert_eq!([read.strict, read.flush_on_panic, read.verify], [on; 3], "{text}");
    }
    let (settings, warnings) = read(&[("HEIRLOOM_STRICT", "yes")]);
    assert_eq!((settings, warnings[0].accepted()), (defaults(), "true, 1, false or 0"));
}

#[test]
fn a_timeout_of_zero_is_a_very_long_one() {
    let read = settings(&[
        ("OTEL_BSP_EXPORT_TIMEOUT", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("HEIRLOOM_FINISH_TIMEOUT_MS", "0"),
    ]);
    assert_eq!(read.export_timeout, Duration::from_millis(u32::MAX.into()));
    assert_eq!((read.export_delay, read.finish_timeout), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn the_environments_service_name_wins_over_the_programs() {
    let name = |variables: &[(&str, &str)]| settings(variables).service_name;
    let in_resource = ("OTEL_RESOURCE_ATTRIBUTES", "a=1,service.name=from%20resource,b=2");
    assert_eq!(name(&[]), "app");
    assert_eq!(name(&[in_resource]), "from resource");
    assert_eq!(name(&[in_resource, ("OTEL_SERVICE_NAME", "svc")]), "svc");
    assert_eq!(name(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=")]), "app");
    let keys: Vec<_> = settings(&[in_resource]).resource.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn a_service_without_a_name_is_named_after_the_program() {
    let (settings, _) = Settings::from_variables(" ", |_| None);
    assert_eq!(settings.service_name, unknown_service());
    assert!(settings.service_name.starts_with("unknown_service:heirloom_core"), "{}", settings.service_name);
}

#[test]
fn a_wrong_resource_is_discarded_as_a_whole() {
    let (settings, warnings) = read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1,b,service.name=x")]);
    assert_eq!(settings, defaults());
    let expected = "OTEL_RESOURCE_ATTRIBUTES=\"a=1,b,service.name=x\" is ignored: it takes key1=value1,key2=value2";
    assert!(warnings[0].to_string().starts_with(expected), "{}", warnings[0]);
}

#[test]
fn an_unknown_sampler_leaves_the_default() {
    let (settings, warnings) = read(&[("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_TRACES_SAMPLER_ARG", "x")]);
    assert_eq!((settings, warnings.len(), warnings[0].name()), (defaults(), 1, "OTEL_TRACES_SAMPLER"));
}

#[test]
fn a_wrong_argument_leaves_the_sampler_with_its_default() {
    for (name, sampler) in [
        ("traceidratio", Sampler::TraceIdRatio(1.0)),
        ("parentbased_ratelimited", Sampler::default().rate_limited(100)),
    ] {
        let (settings, warnings) = read(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", "-2")]);
        assert_eq!(settings.sampler, sampler);
        assert_eq!((warnings.len(), warnings[0].name(), warnings[0].value()), (1, "OTEL_TRACES_SAMPLER_ARG", "-2"));
    }
}

#[test]
fn an_argument_without_a_sampler_is_not_looked_at() {
    assert_eq!(settings(&[("OTEL_TRACES_SAMPLER_ARG", "x")]), defaults());
    let read = settings(&[("OTEL_TRACES_SAMPLER_ARG", "x"), ("OTEL_TRACES_SAMPLER", "always_on")]);
    assert_eq!(read.sampler, Sampler::AlwaysOn);
}

#[cfg(unix)]
#[test]
fn what_is_not_utf8_is_ignored_and_named_but_a_path_need_not_be() {
    use std::os::unix::ffi::OsStringExt;
    let not_utf8 = || OsString::from_vec(b"t\xff".to_vec());
    let all = NUMBERS.iter().chain(&SWITCHES).chain(&["OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER"]);
    for name in all {
        let (settings, warnings) = Settings::from_variables("app", |n| (n == *name).then(not_utf8));
        assert_eq!(settings, defaults(), "{name}");
        let expected = format!("{name}=\"t\u{fffd}\" is ignored: it takes text in UTF-8");
        assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
    let (settings, warnings) = Settings::from_variables("app", |n| (n == "HEIRLOOM_TRACE_FILE").then(not_utf8));
    assert_eq!((settings.trace_file, warnings.len()), (Some(not_utf8().into()), 0));
}

#[test]
fn the_environment_of_the_process_is_read() {
    const THIS: &str = "config::env::tests::the_environment_of_the_process_is_read";
    const VARIABLE: &str = "OTEL_SERVICE_NAME";
    const VALUE: &str = "given to the child process";
    // Changing one's own environment would race with other tests, so that a child runs this test once more.
    heirloom_harness::alone(THIS, &[(VARIABLE, VALUE)], || {
        assert_eq!(Settings::from_env("app").0.service_name, VALUE);
    });
}

#[test]
fn what_is_fixed_is_told_with_what_to_set_instead() {
    let (settings, warnings) = read(&[("OTEL_BSP_MAX_QUEUE_SIZE", "2048")]);
    let expected = "OTEL_BSP_MAX_QUEUE_SIZE=\"2048\" is ignored: a queue is bounded in bytes, not in spans, by HEIRLOOM_QUEUE_BYTES";
    assert_eq!((settings, warnings[0].to_string()), (defaults(), expected.to_owned()));
    for ours in ["tracecontext", "baggage", "tracecontext,baggage", "Baggage , tracecontext", ""] {
        assert_eq!(read(&[("OTEL_PROPAGATORS", ours)]).1, []);
    }
    for other in ["b3", "none", "tracecontext,baggage,jaeger", "xray"] {
        let warnings = read(&[("OTEL_PROPAGATORS", other)]).1;
        let said = warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(said.len() == 1 && said[0].contains(other) && said[0].contains("tracecontext and baggage"), "{said:?}");
    }
}

#[test]
fn a_name_that_nothing_reads_is_told_with_the_one_that_is_meant() {
    const THIS: &str = "config::env::tests::a_name_that_nothing_reads_is_told_with_the_one_that_is_meant";
    heirloom_harness::alone(THIS, &[("HEIRLOOM_TRACEFILE", "/secret"), ("HEIRLOOM_TEST_CASE_OF_MINE", "1")], || {
        let said: Vec<_> = Settings::from_env("app").1.iter().map(ToString::to_string).collect();
        let expected = "HEIRLOOM_TRACEFILE is ignored: no variable has this name; HEIRLOOM_TRACE_FILE is similar";
        assert_eq!(said, [expected]);
    });
}
