//! `opentelemetry_sdk`: the batch span processor, on its own thread, with an exporter that only counts.
//!
//! Best case: the SDK's tracer called directly (no global, no dynamic dispatch), the parent's context passed explicitly,
//! the attributes given to the builder in one vector of exact size, typed values. `otel` has the default queue of 2,048
//! spans and batches of 512; `otel-large` a queue of 65,536 and batches of 8,192.

use super::{rest_until, Peer};
use crate::account::{SharedAccount, Tally};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Item, Samples, CHILD, KEYS, PARENT};
use opentelemetry::trace::{Span as _, SpanBuilder, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};

/// Sizes of the queue and of a batch of `otel-large`, in spans.
const LARGE_QUEUE_SPANS: usize = 65_536;
const LARGE_BATCH_SPANS: usize = 8_192;

pub(super) struct Otel {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    account: SharedAccount,
}

impl Peer for Otel {
    type Parent = Context;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let provider = provider(account.clone(), scenario.peer == PeerName::OtelLarge);
        Ok(Self { tracer: provider.tracer("compare"), provider, account })
    }

    fn open_parent(&self) -> Context {
        let parent = self.tracer.build_with_context(SpanBuilder::from_name(PARENT), &Context::new());
        Context::new().with_span(parent)
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &Context,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let mut builder = SpanBuilder::from_name(CHILD);
        if ATTRIBUTES {
            builder = builder.with_attributes(attributes(item.id, samples));
        }
        let mut span = self.tracer.build_with_context(builder, parent);
        let result = work();
        span.end();
        result
    }

    /// Half of the queue.
    fn burst(_attributes: bool) -> u64 {
        1024
    }

    fn rest(&self, made: u64) -> Result<(), String> {
        rest_until_exported(&self.account, made)
    }

    fn finish(self, parent: Context) -> Result<Tally, String> {
        parent.span().end();
        shut_down(&self.provider)?;
        Ok(self.account.tally())
    }
}

fn attributes(id: u64, samples: &Samples) -> Vec<KeyValue> {
    let sample = samples.of(id);
    vec![
        KeyValue::new(KEYS[0], sample.count),
        KeyValue::new(KEYS[1], sample.ratio),
        KeyValue::new(KEYS[2], sample.file.to_owned()),
    ]
}

/// Spans that the batch processor may keep until more arrive, or until five seconds have passed: less than a batch.
const KEPT_SPANS: u64 = 512;

pub(super) fn rest_until_exported(account: &SharedAccount, made: u64) -> Result<(), String> {
    rest_until(|| account.tally().received + KEPT_SPANS >= made)
}

/// A provider with one batch processor in front of a counting exporter.
pub(super) fn provider(account: SharedAccount, large: bool) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default();
    let config = if large {
        config.with_max_queue_size(LARGE_QUEUE_SPANS).with_max_export_batch_size(LARGE_BATCH_SPANS)
    } else {
        config
    };
    let processor = BatchSpanProcessor::builder(Counting(account)).with_batch_config(config.build()).build();
    SdkTracerProvider::builder().with_span_processor(processor).build()
}

/// Sends the queued spans and stops the processor.
pub(super) fn shut_down(provider: &SdkTracerProvider) -> Result<(), String> {
    provider.force_flush().map_err(|error| format!("the flush failed: {error}"))?;
    provider.shutdown().map_err(|error| format!("the shutdown failed: {error}"))
}

/// Counts the spans.
#[derive(Debug)]
pub(super) struct Counting(pub(super) SharedAccount);

impl SpanExporter for Counting {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut account = self.0.lock();
        for span in &batch {
            let id = u64::from_be_bytes(span.span_context.span_id().to_bytes());
            account.add(id, u64::from_be_bytes(span.parent_span_id.to_bytes()));
        }
        Ok(())
    }
}
