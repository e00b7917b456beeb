#![allow(clippy::unwrap_used)]

use super::*;
use crate::{ConfigError, OtlpBuilder};

fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
    |name| set.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
}

/// The settings that these variables make.
fn shown(set: &[(&str, &str)]) -> Shown {
    let (target, _) = OtlpBuilder::from_variables(variables(set)).unwrap().into_parts().unwrap();
    let headers = target.headers.iter().map(|(name, value)| format!("{name}: {}", value.reveal())).collect();
    Shown {
        url: target.url.reveal().to_owned(),
        headers,
        rest: format!("{:?} {:?}", target.timeout, target.compression),
    }
}

#[derive(Debug)]
struct Shown {
    url: String,
    headers: Vec<String>,
    rest: String,
}

fn error(set: &[(&str, &str)]) -> ConfigError {
    OtlpBuilder::from_variables(variables(set)).unwrap_err()
}

#[test]
fn the_address_for_all_signals_gets_a_path_and_the_one_for_traces_is_used_as_it_is() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    for (set, url) in [
        (&[][..], "http://localhost:4318/v1/traces"),
        (&[(ALL, "http://c:4318")], "http://c:4318/v1/traces"),
        (&[(ALL, "http://c:4318/")], "http://c:4318/v1/traces"),
        (&[(ALL, " https://c/otlp ")], "https://c/otlp/v1/traces"),
        (&[(ALL, "https://c/otlp/?team=a")], "https://c/otlp/v1/traces?team=a"),
        (&[(TRACES, "http://c/mine")], "http://c/mine"),
        (&[(TRACES, "http://c")], "http://c/"),
        (&[(ALL, "http://other"), (TRACES, "http://c/v1/traces")], "http://c/v1/traces"),
        (&[(ALL, "http://c"), (TRACES, " ")], "http://c/v1/traces"),
    ] {
        assert_eq!(shown(set).url, url, "{set:?}");
    }
}

#[test]
fn the_variables_for_traces_win_over_those_for_all_signals() {
    let all = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=all"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    let traces = [
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=x%20y, c = d"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "None"),
    ];
    let general = shown(&all);
    assert_eq!((general.headers, general.rest.as_str()), (vec!["a: all".to_owned()], "1ms Gzip"));
    let both = shown(&[all, traces].concat());
    assert_eq!((both.headers, both.rest.as_str()), (vec!["b: x y".to_owned(), "c: d".to_owned()], "2.5s None"));
    assert!(shown(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")]).rest.starts_with("31536000s"), "no limit");
}

#[test]
fn what_cannot_be_used_is_named_with_what_is_expected_and_without_credentials() {
    for (name, value, expected) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary:4318", "http or https URL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://canary", "http or https URL"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://user:canary@host", "without user"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary", "name=value"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b,bad name=canary", "printable ASCII"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=canary%0Ab", "printable ASCII"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Content-Length=canary", "headers other than"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/canary", "can be read (entity not found)"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "Cargo.toml", "certificates in PEM"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/no/canary", "can be read"),
    ] {
        let error = error(&[(name, value)]);
        let said = format!("{error} {error:?}");
        assert!(error.setting() == name && said.contains(expected) && !said.contains("canary"), "{said}");
    }
    for (name, value, expected) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml", "http/protobuf or http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "usually 4318 instead of 4317"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0", "above zero"),
    ] {
        let said = error(&[(name, value)]).to_string();
        assert!(
            said.starts_with(&format!("{name}={value:?} is invalid: expected ")) && said.contains(expected),
            "{said}"
        );
    }
}

/// The exporters that these variables ask for, and what is said about them.
fn asked(set: &[(&'static str, &'static str)]) -> (Vec<String>, Vec<String>) {
    let set = set.to_vec();
    let mut environment = FromEnv::from_variables(move |name| variables(&set)(name));
    let warnings = environment.check(&Settings::default());
    let exporters = environment.exporters(&Settings::default());
    (
        exporters.iter().map(|exporter| exporter.name().to_owned()).collect(),
        warnings.iter().map(ToString::to_string).collect(),
    )
}

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");

#[test]
fn the_environment_chooses_the_exporters_and_without_it_there_is_none() {
    let exporters = |set: &[_]| {
        let (exporters, said) = asked(set);
        assert_eq!(said, [""; 0], "{set:?}");
        exporters.join(",")
    };
    let chosen = |names| [(EXPORTERS, names)];
    assert_eq!(exporters(&[]), "");
    assert_eq!(exporters(&[(EXPORTERS, " "), ("OTEL_EXPORTER_OTLP_HEADERS", "a=b")]), "");
    assert_eq!(exporters(&[ENDPOINT]), "otlp");
    assert_eq!(exporters(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9")]), "otlp");
    assert_eq!(exporters(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), "");
    assert_eq!(exporters(&chosen("otlp")), "otlp");
    assert_eq!(exporters(&chosen("Console")), "console");
    assert_eq!(exporters(&chosen("otlp , console,")), "otlp,console");
    for none in ["none", "None", "otlp,none"] {
        assert_eq!(exporters(&[ENDPOINT, (EXPORTERS, none)]), "");
    }
    assert_eq!(exporters(&[ENDPOINT, (EXPORTERS, "console")]), "console");
}

#[test]
fn an_unknown_exporter_is_told_and_the_others_are_added() {
    let (exporters, said) = asked(&[(EXPORTERS, "otlp,zipkin")]);
    assert_eq!(exporters, ["otlp"]);
    assert_eq!(said, ["OTEL_TRACES_EXPORTER=\"zipkin\" is ignored: it takes otlp, console and none"]);
}

#[test]
fn nothing_is_sent_elsewhere_or_in_another_form_than_the_environment_asks_for() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "canary"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "canary"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/canary"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/no/canary"),
    ] {
        let (exporters, said) = asked(&[ENDPOINT, (name, value)]);
        assert!(exporters.is_empty() && said.len() == 1, "{name}: {exporters:?} {said:?}");
        assert!(said[0].starts_with(name) && said[0].contains("no spans are sent: it takes"), "{said:?}");
        assert!(!said[0].contains("canary"), "{said:?}");
    }
    let (exporters, said) = asked(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")]);
    assert_eq!(exporters, ["otlp"]);
    assert!(said[0].starts_with("OTEL_EXPORTER_OTLP_TIMEOUT=\"soon\" is ignored: it takes"), "{said:?}");
}
