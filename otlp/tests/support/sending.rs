//! A tracer whose exporter sends to a server.

use super::server::Server;
use heirloom_core::{Builder, ExporterLedger, Guard, Report, Settings};
use heirloom_otlp::{Otlp, OtlpBuilder};
use std::time::Duration;

/// How long a test waits for something that should take milliseconds.
pub const LONG: Duration = Duration::from_secs(60);

/// An exporter for this server that retries quickly.
pub fn otlp(server: &Server) -> OtlpBuilder {
    Otlp::builder().endpoint(server.url()).timeout(Duration::from_secs(20)).first_wait(Duration::from_millis(5))
}

/// The settings of a test: spans come in one delivery, when the test flushes.
pub fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.service_name = "shop".to_owned();
    settings.export_delay = LONG;
    settings.finish_timeout = LONG;
    settings
}

pub fn builder(otlp: OtlpBuilder) -> Builder {
    heirloom_core::builder("shop").settings(settings()).exporter(otlp.build().expect("the settings can be used"))
}

pub fn tracer(otlp: OtlpBuilder) -> Guard {
    builder(otlp).start().expect("it starts")
}

/// Records so many spans: one root and its children.
pub fn record(guard: &Guard, spans: usize) {
    guard.tracer().in_root("root", |root| (1..spans).for_each(|_| root.in_span("child", |_| ())));
}

/// The exporter's part of the ledger.
pub fn account(report: &Report) -> ExporterLedger {
    assert!(report.ledger().is_balanced(), "{report}");
    report.ledger().exporters[0].clone()
}

/// Checks that every span was delivered, once.
#[track_caller]
pub fn assert_delivered(server: &Server, guard: Guard, spans: usize) {
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(
        (account(&report).exported, server.taken(), server.distinct()),
        (spans as u64, spans, spans),
        "{report}"
    );
}

/// Checks that so many of the spans were lost for this reason, and the others delivered. Returns what a flush said.
#[track_caller]
pub fn assert_lost(server: &Server, guard: Guard, [delivered, lost]: [usize; 2], why: &str) -> String {
    let said = guard.tracer().flush(LONG).expect_err("spans were lost").to_string();
    assert!(said.contains(&format!("{lost}: ")) && said.contains(why), "{said}");
    let report = guard.finish();
    let account = account(&report);
    assert_eq!((account.exported, account.dropped.failed), (delivered as u64, lost as u64), "{report}");
    assert_eq!((server.taken(), server.distinct()), (delivered, delivered));
    said
}
