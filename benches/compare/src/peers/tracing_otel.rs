//! `tracing` with `tracing-opentelemetry`, over `opentelemetry_sdk`'s batch processor with its default queue.
//!
//! Best case: the registry with this one layer and no filter; location, thread, target, inactivity and context
//! activation off; the crate's `tracing-log` and `metrics` features off; the parent named explicitly, no span entered,
//! the fields given when the span is made.

use super::otel::{provider, shut_down};
use super::Peer;
use crate::account::{SharedAccount, Tally};
use crate::plan::Scenario;
use crate::workload::{Samples, Stretch};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;

pub(super) struct TracingOtel {
    provider: SdkTracerProvider,
    account: SharedAccount,
}

impl Peer for TracingOtel {
    type Parent = tracing::Span;

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        let account = SharedAccount::default();
        let provider = provider(account.clone(), false);
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("compare"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
        Ok(Self { provider, account })
    }

    // The macros need literals: these are the names and keys of `workload`.
    fn open_parent(&self) -> tracing::Span {
        tracing::info_span!(parent: None, "parent")
    }

    fn record<const ATTRIBUTES: bool>(&self, parent: &tracing::Span, stretch: Stretch, samples: &Samples) {
        for id in stretch.ids() {
            if ATTRIBUTES {
                let sample = samples.of(id);
                let (count, ratio, file) = (sample.count, sample.ratio, sample.file);
                drop(tracing::info_span!(parent: parent, "child", count, ratio, file));
            } else {
                drop(tracing::info_span!(parent: parent, "child"));
            }
        }
    }

    fn finish(self, parent: tracing::Span) -> Result<Tally, String> {
        drop(parent);
        shut_down(&self.provider)?;
        Ok(self.account.tally())
    }
}
