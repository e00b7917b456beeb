//! Which traces are kept, beside OpenTelemetry's own SDK; what the consistent sampler does to the tracestate.
#![cfg(all(feature = "record", feature = "otel"))]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{testing, Sampler, SamplerState, TraceId};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::{Sampler as Theirs, SamplingDecision, ShouldSample};
use std::sync::{Arc, Mutex};

/// Reproducible random numbers (xorshift64).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_ratio_chooses_the_traces_that_opentelemetrys_sdk_chooses() {
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for ratio in [0.5, 0.25, 0.1, 0.01, 0.001, 1.0 / 3.0, 0.9, 1e-5, 0.0, 1.0] {
        let ours = SamplerState::new(&Sampler::TraceIdRatio(ratio));
        let theirs = Theirs::TraceIdRatioBased(ratio);
        let kept = (0..50_000).filter(|_| {
            let trace = TraceId::from_u128(u128::from(random(&mut seed)) << 64 | u128::from(random(&mut seed)));
            let kept = ours.sample(trace, None, 0);
            let decision = theirs.should_sample(None, trace.into(), "x", &SpanKind::Internal, &[], &[]).decision;
            assert_eq!(kept, decision == SamplingDecision::RecordAndSample, "{ratio} {trace}");
            kept
        });
        let share = kept.count() as f64 / 50_000.0;
        assert!((share - ratio).abs() < 0.01, "{ratio}: {share}");
    }
}

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

/// What is sent on for a caller with this tracestate, and the tracestate of the exported span, if there is one.
fn sent(sampler: Sampler, tracestate: &str) -> (Option<String>, Option<String>) {
    let states = States::default();
    let sent = testing::run_with(
        |builder| builder.sampler(sampler).exporter(states.clone()),
        |t| {
            let caller = t.tracer().extract(CALLER, Some(tracestate)).unwrap();
            let sent = caller.in_span("serve", |serve| serve.in_span("call", |call| call.context().to_headers().1));
            t.spans(); // flushes
            sent
        },
    );
    let exported = states.0.lock().unwrap().first().cloned();
    (sent, exported)
}

/// Keeps the tracestates of spans.
#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<String>>>);

impl Exporter for States {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.lock().unwrap().extend(delivery.spans().map(|span| span.tracestate().to_owned()));
        Ok(())
    }
}

#[test]
fn the_consistent_sampler_hands_on_the_threshold_of_its_decision() {
    let half = || Sampler::ConsistentProbability(0.5);
    let on = |text: &str| (Some(text.to_owned()), Some(text.to_owned()));
    assert_eq!(sent(half(), "ot=rv:80000000000000,a=1"), on("ot=th:8;rv:80000000000000,a=1"));
    assert_eq!(sent(half(), "ot=th:c;rv:7fffffffffffff,a=1"), (Some("ot=rv:7fffffffffffff,a=1".to_owned()), None));
    assert_eq!(sent(half(), "ot=th:c"), (None, None), "the last 56 bits of the id are below the threshold");
    assert_eq!(sent(half().parent_based(), "ot=th:c,a=1"), on("ot=th:c,a=1"));
    assert_eq!(sent(Sampler::TraceIdRatio(1.0), "ot=th:c,a=1"), on("ot=th:c,a=1"));
}

#[test]
fn a_root_that_the_consistent_sampler_keeps_starts_the_tracestate() {
    testing::run_with(
        |builder| builder.sampler(Sampler::ConsistentProbability(1.0).parent_based()),
        |t| {
            let sent = t.tracer().in_root("root", |root| root.context().to_headers().1);
            assert_eq!(sent.as_deref(), Some("ot=th:0"));
        },
    );
    testing::run_with(
        |builder| builder.sampler(Sampler::ConsistentProbability(0.0)),
        |t| assert_eq!(t.tracer().in_root("root", |root| root.context().to_headers().1), None),
    );
}
