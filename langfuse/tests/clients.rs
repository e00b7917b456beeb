//! Several clients side by side: each has its keys, its share of traces, and its server.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::Guard;
use heirloom_langfuse::Config;
use heirloom_receiver::Receiver;

const REQUESTS: usize = 4000;

fn client(receiver: &Receiver, name: &str, rate: f64) -> Guard {
    let config = Config::new(format!("pk-lf-{name}"), format!("sk-lf-{name}")).base_url(receiver.url());
    config.environment(name).sample_rate(rate).tracer_builder("shop").unwrap().start().unwrap()
}

#[test]
fn a_production_client_at_5_percent_and_a_beta_client_at_100_percent() {
    let server = |name: &str| Receiver::with_keys(&format!("pk-lf-{name}"), &format!("sk-lf-{name}"));
    let receivers = ["production", "beta"].map(server);
    let guards = [client(&receivers[0], "production", 0.05), client(&receivers[1], "beta", 1.0)];
    let contexts = guards.each_ref().map(|guard| guard.tracer().context());
    std::thread::scope(|threads| {
        for cx in contexts {
            threads.spawn(move || {
                for _ in 0..REQUESTS {
                    cx.in_span("request", |request| request.in_span("query", |_| ()));
                }
            });
        }
    });
    let ledgers = guards.map(|guard| {
        let report = guard.finish();
        assert!(report.is_complete(), "{report}");
        report.ledger().clone()
    });
    let counts = receivers.each_ref().map(|receiver| receiver.with_spans(<[_]>::len));
    assert_eq!(counts[1], 2 * REQUESTS);
    // 200 traces are expected, with a standard deviation of 14. The bounds are far outside of that.
    assert!((100..=300).contains(&(counts[0] / 2)), "{counts:?}");
    for (ledger, count) in ledgers.iter().zip(counts) {
        assert_eq!((ledger.exported(), ledger.begun + ledger.sampled_out), (count as u64, 2 * REQUESTS as u64));
    }
    for (receiver, name) in receivers.iter().zip(["production", "beta"]) {
        receiver.assert_contract();
        receiver.with_spans(|spans| {
            assert!(spans.iter().all(|span| span.resource("langfuse.environment") == Some(name)));
            assert!(spans.iter().filter(|span| span.name == "query").count() * 2 == spans.len(), "whole traces");
        });
    }
}
