//! No output contains a key or a recorded value, in any failure and at any log level.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::llm::keys;
use heirloom_harness::{again, case, output_of, succeeded};
use heirloom_langfuse::Config;
use heirloom_receiver::{Fault, Receiver};
use std::time::Duration;
use support::{builder, LONG};

const PUBLIC: &str = "pk-lf-canary0public";
const SECRET: &str = "sk-lf-canary0secret";
const PAYLOAD: &str = "canary0payload";
/// The canaries in all forms in which they could be written.
const ALL: &str = "canary0";

/// Writes every line of every crate that logs to standard error.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("log {} {} {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

/// Runs every failure, and prints everything that can be printed.
fn everything_goes_wrong() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let faults = [
        Fault::Echo(200),
        Fault::Echo(400),
        Fault::Echo(401),
        Fault::Echo(403),
        Fault::Echo(413),
        Fault::Echo(429),
        Fault::Echo(500),
        Fault::Echo(503),
        Fault::RetryAfter(429, PAYLOAD.into()),
        Fault::Partial { rejected: 1, message: PAYLOAD.into(), json: false },
        Fault::Partial { rejected: 1, message: PAYLOAD.into(), json: true },
        Fault::Close,
        Fault::Hang,
    ];
    for fault in faults {
        meet(fault);
    }
    let wrong = Config::new(SECRET, PUBLIC);
    eprintln!("{wrong:?} {} {:?}", wrong.exporter().unwrap_err(), wrong.auth_check());
    let url = Config::new(PUBLIC, SECRET).base_url(format!("http://{SECRET}@localhost"));
    eprintln!("{url:?} {:?} {:?}", url.exporter().map(drop), url.auth_check());
    eprintln!("the end");
}

fn meet(fault: Fault) {
    let receiver = Receiver::with_keys(PUBLIC, SECRET);
    receiver.fail_always(fault);
    let config = Config::new(PUBLIC, SECRET).base_url(receiver.url()).timeout(Duration::from_millis(300));
    let config = config.retry_for(Duration::from_millis(20)).first_wait(Duration::from_millis(1));
    eprintln!("{config:?} {:#?} {:?}", config, config.exporter().unwrap());
    let builder = builder(&config);
    eprintln!("{builder:?}");
    let guard = builder.start().unwrap();
    for _ in 0..2 {
        guard.tracer().in_root(PAYLOAD, |root| {
            root.set(keys::INPUT, PAYLOAD).set(keys::USER, PAYLOAD).set(PAYLOAD, 1).error(PAYLOAD);
            root.event(PAYLOAD).in_span("child", |_| ());
        });
        eprintln!("{:?} {:?}", guard.tracer().flush(LONG), config.auth_check());
    }
    let report = guard.finish();
    eprintln!("{report} {report:?}");
}

/// The output of the process that runs every failure.
fn output() -> String {
    let output = output_of(again("no_key_and_no_payload_reaches_any_output", "failures").env("RUST_BACKTRACE", "0"));
    let text = succeeded(&output) + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the end"), "{text}");
    text
}

#[test]
fn no_key_and_no_payload_reaches_any_output() {
    if case().is_some() {
        return everything_goes_wrong();
    }
    let text = output();
    assert!(text.contains("log TRACE") && text.contains("log DEBUG"), "the crates below did log: {text}");
    let basic = "cGstbGYtY2FuYXJ5MHB1YmxpYzpzay1sZi1jYW5hcnkwc2VjcmV0";
    let hex: String = ALL.bytes().map(|byte| format!("{byte:02x}")).collect();
    for forbidden in [ALL, basic, &basic[..16], &hex] {
        let found = text.lines().find(|line| line.to_lowercase().contains(&forbidden.to_lowercase()));
        assert_eq!(found, None, "{forbidden} was written");
    }
    let bytes: Vec<String> = ALL.bytes().map(|byte| byte.to_string()).collect();
    assert!(!text.contains(&bytes.join(", ")), "written as a list of bytes");
    let said = |status: &str| {
        // On standard error, or in the log if core has that feature; without the lines of the report.
        let ours =
            |line: &&str| line.starts_with("heirloom: exporter") || line.starts_with("log WARN heirloom exporter");
        let lines = text.lines().filter(ours).filter(|line| line.contains(status) && !line.contains("it failed ("));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let of_keys = said("401 Unauthorized");
    assert!(of_keys.len() == 1 && of_keys[0].contains("LANGFUSE_SECRET_KEY"), "said once: {of_keys:?}");
    assert_eq!(said("403 Forbidden").len(), 1);
}
