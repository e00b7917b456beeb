//! Shared by the tests: a tracer whose exporter sends to a receiver.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use heirloom_core::{Builder, ExporterLedger, Guard, Report, Settings};
use heirloom_langfuse::Config;
use heirloom_receiver::{Receiver, PUBLIC_KEY, SECRET_KEY};
use std::time::Duration;

/// How long a test waits for something that should take milliseconds.
pub const LONG: Duration = Duration::from_secs(60);

/// A client of this receiver that retries quickly.
pub fn config(receiver: &Receiver) -> Config {
    Config::new(PUBLIC_KEY, SECRET_KEY)
        .base_url(receiver.url())
        .timeout(Duration::from_secs(20))
        .first_wait(Duration::from_millis(5))
        .retry_for(LONG)
}

/// A builder of a tracer with an exporter of this client. Environment variables are ignored.
pub fn builder(config: &Config) -> Builder {
    let mut settings = Settings::default();
    settings.service_name = "shop".to_owned();
    // A test's spans come in one batch, when the test flushes.
    settings.export_delay = LONG;
    settings.finish_timeout = LONG;
    heirloom_core::builder("shop").settings(settings).exporter(config.exporter().unwrap())
}

/// A tracer with an exporter of this client.
pub fn tracer(config: &Config) -> Guard {
    builder(config).start().unwrap()
}

/// Records `spans` spans: one root and its children.
pub fn record(guard: &Guard, spans: usize) {
    guard.tracer().in_root("root", |root| (1..spans).for_each(|_| root.in_span("child", |_| ())));
}

/// The exporter's part of the ledger.
pub fn account(report: &Report) -> ExporterLedger {
    assert!(report.ledger().is_balanced(), "{report}");
    report.ledger().exporters[0].clone()
}

/// Checks that every span was delivered, and that each satisfies the contract.
#[track_caller]
pub fn assert_delivered(receiver: &Receiver, guard: Guard, spans: usize) {
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(receiver.with_spans(<[_]>::len), spans);
    receiver.assert_contract();
}
