//! Propagation of Heirloom's contexts by OpenTelemetry's propagator traits.

use super::{baggage, open};
use crate::carrier::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use heirloom_core::{Baggage, BaggageDropped, Context, ParseTraceparentError};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use std::sync::LazyLock;

/// Writes a context into any carrier with OpenTelemetry's trait `Injector`: `traceparent`, and `tracestate` and `baggage` if
/// it has them. Writes no `traceparent` for an invalid context. Works without a tracer too: what arrived is passed on.
///
/// Cost: the texts are allocated; a lock if there is a tracestate or baggage.
///
/// ```
/// use heirloom_bridge::otel::{extract, inject};
/// use heirloom_core::{testing, in_root};
/// use std::collections::HashMap;
///
/// testing::run(|t| {
///     let mut message: HashMap<String, String> = HashMap::new();
///     in_root("send", |span| inject(span, &mut message));
///     extract(&message).unwrap_or_default().in_span("receive", |_| ()); // on another machine
///     t.assert_tree("send\n  receive");
/// });
/// ```
pub fn inject(cx: impl Into<Context>, carrier: &mut dyn Injector) {
    let cx = cx.into();
    inject_trace(cx, carrier);
    inject_baggage(&cx.baggage(), carrier);
}

fn inject_trace(cx: Context, carrier: &mut dyn Injector) {
    let (traceparent, tracestate) = cx.to_headers();
    if let Some(text) = traceparent {
        carrier.set(TRACEPARENT, text);
    }
    if let Some(text) = tracestate {
        carrier.set(TRACESTATE, text);
    }
}

/// Writes baggage into any carrier, in place of that of the context, with OpenTelemetry's trait `Injector`; writes nothing for
/// empty baggage. Cost: allocates the text.
///
/// ```
/// use heirloom_bridge::otel::{extract_baggage, inject_baggage};
/// use std::collections::HashMap;
///
/// let mut baggage = heirloom_core::Baggage::default();
/// baggage.insert("tenant", "blue")?;
/// let mut message: HashMap<String, String> = HashMap::new();
/// inject_baggage(&baggage, &mut message);
/// assert_eq!(extract_baggage(&message).0.get("tenant"), Some("blue"));
/// # Ok::<(), heirloom_core::InsertBaggageError>(())
/// ```
pub fn inject_baggage(baggage: &Baggage, carrier: &mut dyn Injector) {
    if !baggage.is_empty() {
        carrier.set(BAGGAGE, baggage.to_string());
    }
}

/// The context in a carrier, with its tracestate and its baggage, as [`Context::from_headers`] reads them. It is remote, and
/// bound to the tracer of the current context or else to the global one. Without a `traceparent` it is an invalid context,
/// whose children are roots.
///
/// # Errors
/// The `traceparent` is malformed, or there is more than one. The specification then requires a new trace, so
/// `unwrap_or_default()` is a suitable reaction.
///
/// ```
/// use std::collections::HashMap;
/// let bad = HashMap::from([("traceparent".to_owned(), "00-xyz".to_owned())]);
/// assert!(heirloom_bridge::otel::extract(&bad).is_err());
/// ```
pub fn extract(carrier: &dyn Extractor) -> Result<Context, ParseTraceparentError> {
    let [parent, state, baggage] = [TRACEPARENT, TRACESTATE, BAGGAGE].map(|key| joined(carrier, key));
    carrier::read(parent.as_deref(), state.as_deref(), baggage.as_deref())
}

/// The baggage in a carrier, and the parts that were dropped. Cost: allocates.
pub fn extract_baggage(carrier: &dyn Extractor) -> (Baggage, BaggageDropped) {
    Baggage::parse(&joined(carrier, BAGGAGE).unwrap_or_default())
}

/// All values of a key, joined by commas.
fn joined(carrier: &dyn Extractor, key: &str) -> Option<String> {
    carrier.get_all(key).filter(|values| !values.is_empty()).map(|values| values.join(","))
}

/// A propagator for crates that inject and extract through OpenTelemetry's API (`reqwest-tracing`, `opentelemetry-http`,
/// ..). It propagates W3C trace context and baggage.
///
/// | | `TraceContextPropagator` of the SDK | this one |
/// |---|---|---|
/// | a context without a span | injects nothing | injects Heirloom's current context |
/// | the flag `random` | lost | kept |
/// | an empty tracestate | an empty header | no header |
/// | several `tracestate` or `baggage` headers | the first | all, joined |
/// | a tracestate with a key such as `tenant@a-very-long-vendor` | dropped | kept |
/// | baggage | another propagator, which cuts values at `=` | included, with Heirloom's parser |
///
/// ```
/// opentelemetry::global::set_text_map_propagator(heirloom_bridge::HeirloomPropagator::new());
/// ```
#[derive(Debug, Default)]
pub struct HeirloomPropagator(());

impl HeirloomPropagator {
    /// The propagator.
    pub fn new() -> Self {
        Self::default()
    }
}

static FIELDS: LazyLock<[String; 3]> = LazyLock::new(|| [TRACEPARENT, TRACESTATE, BAGGAGE].map(str::to_owned));

impl TextMapPropagator for HeirloomPropagator {
    fn inject_context(&self, theirs: &opentelemetry::Context, carrier: &mut dyn Injector) {
        let cx = open::context(theirs);
        inject_trace(cx, carrier);
        inject_baggage(&baggage::to_send(theirs, cx.baggage()), carrier);
    }

    fn extract_with_context(&self, theirs: &opentelemetry::Context, carrier: &dyn Extractor) -> opentelemetry::Context {
        let with_baggage = baggage::with(theirs, &extract_baggage(carrier).0);
        open::with_span(&with_baggage, extract(carrier).unwrap_or_default())
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}
