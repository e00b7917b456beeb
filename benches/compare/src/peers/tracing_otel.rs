//! `tracing` with `tracing-opentelemetry`, over `opentelemetry_sdk`'s batch processor with its default queue.
//!
//! `tracing-otel` is the best case: location, thread, target, inactivity and context activation are off.
//! `tracing-otel-default` is the layer as it is made. For both, the registry has this one layer and no filter, the crate's
//! `tracing-log` and `metrics` features are off, the parent is named explicitly, no span is entered, and the fields are given
//! when the span is made.

use super::otel::{provider, rest_until_exported, shut_down};
use super::Peer;
use crate::account::{SharedAccount, Tally};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Item, Samples};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;

pub(super) struct TracingOtel {
    provider: SdkTracerProvider,
    account: SharedAccount,
}

impl Peer for TracingOtel {
    type Parent = tracing::Span;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let provider = provider(account.clone(), false);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("compare"));
        let layer = match scenario.peer {
            PeerName::TracingOtelDefault => layer,
            _ => layer
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false),
        };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
        Ok(Self { provider, account })
    }

    // The macros need literals: these are the names and keys of `workload`.
    fn open_parent(&self) -> tracing::Span {
        tracing::info_span!(parent: None, "parent")
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &tracing::Span,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let span = if ATTRIBUTES {
            let sample = samples.of(item.id);
            let (count, ratio, file) = (sample.count, sample.ratio, sample.file);
            tracing::info_span!(parent: parent, "child", count, ratio, file)
        } else {
            tracing::info_span!(parent: parent, "child")
        };
        let result = work();
        drop(span);
        result
    }

    /// Half of the processor's queue.
    fn burst(_attributes: bool) -> u64 {
        1024
    }

    fn rest(&self, made: u64) -> Result<(), String> {
        rest_until_exported(&self.account, made)
    }

    fn finish(self, parent: tracing::Span) -> Result<Tally, String> {
        drop(parent);
        shut_down(&self.provider)?;
        Ok(self.account.tally())
    }
}
