//! The spans that most programs have most of: no call of a model, no error, no attribute with a special meaning. Written as they
//! are read, without a sorted list in between; the result is the same.

use super::attributes::MAX_ATTRIBUTES;
use super::process::Process;
use super::public::Public;
use heirloom_core::export::SpanRef;
use heirloom_core::{SpanKind, Status, Value};
use heirloom_otlp::encode::{Attributes, Fields};

/// Adds the attributes of a span, if it is such a span. Otherwise nothing is added.
#[inline]
pub(super) fn add(
    span: SpanRef<'_>,
    process: &Process,
    public: &mut Public,
    to: &mut Attributes<'_>,
) -> Option<Fields> {
    let status = if span.has_more() { span.status() } else { Status::Unset };
    let is_marked = span.is_incomplete() || span.is_aborted() || span.dropped_children() != 0;
    let attributes = span.attributes();
    if matches!(status, Status::Error(_)) || is_marked || attributes.len() > MAX_ATTRIBUTES || span.scope().is_some() {
        return None;
    }
    let mark = to.mark();
    for a in attributes {
        if is_special(a.key) || a.truncated_from.is_some() {
            to.undo(mark);
            return None;
        }
        to.add(a.key, &a.value);
    }
    to.add("langfuse.observation.type", &Value::from("span"));
    process.attributes().for_each(|ours| to.add(&ours.key, &ours.value));
    let is_topmost = !span.parent_is_ours() || span.parent_span_id().is_none();
    if is_topmost {
        topmost(span, public, to);
    }
    to.add_lane(span.lane());
    let pid = i64::from(span.lane().process_id);
    if process.id == Some(pid) {
        // Otherwise it is with the lane's.
        to.add("process.pid", &Value::I64(pid));
    }
    if let Some(kind) = super::attributes::kind_name(span) {
        to.add("span.kind", &Value::from(kind));
    }
    Some(Fields {
        kind: SpanKind::Internal,
        end_ns: span.end_ns(),
        status: Status::Unset,
        dropped_attributes: span.dropped_attributes(),
    })
}

#[inline(never)]
fn topmost(span: SpanRef<'_>, public: &mut Public, to: &mut Attributes<'_>) {
    if let Some(public) = public.of(span, true, None) {
        to.add("langfuse.trace.public", &Value::Bool(public));
    }
    to.add("langfuse.internal.is_app_root", &Value::Bool(true));
    if span.parent_is_explicit() {
        to.add("langfuse.internal.as_root", &Value::Bool(true));
    }
}

/// Whether an attribute with this key may become another one, or keeps one that is added from being added.
#[inline(always)]
fn is_special(key: &str) -> bool {
    let starts = |prefix: &str| key.starts_with(prefix);
    match key.as_bytes().first() {
        Some(b'a') => starts("ai."),
        Some(b'd') => starts("deployment."),
        Some(b'g') => starts("gen_ai."),
        Some(b'h') => starts("heirloom."),
        Some(b'i') => starts("input"),
        Some(b'l') => starts("langfuse.") || starts("llm."),
        Some(b'm') => starts("mlflow."),
        Some(b'o') => starts("otel.") || starts("output"),
        Some(b'p') => starts("process."),
        Some(b's') => starts("service.") || starts("session.") || starts("span."),
        Some(b't') => starts("thread.") || starts("traceloop."),
        Some(b'u') => starts("user."),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::foreign::{INPUTS, OUTPUTS};
    use super::super::Observations;
    use super::*;
    use crate::config::Config;
    use heirloom_core::export::{Delivery, ExportError, Exporter, Resource};
    use heirloom_core::llm::keys;
    use heirloom_core::{builder, Context, Settings, Span, SpanId, TraceId};
    use heirloom_otlp::encode::{Mapping, Scope};
    use heirloom_otlp::{Encoder, Format};
    use std::sync::{Arc, Mutex};

    /// The same without the short cut.
    struct Sorted(Observations);

    impl Mapping for Sorted {
        fn resource(&mut self, resource: &Resource, to: &mut Attributes<'_>) {
            self.0.resource(resource, to);
        }

        fn scope(&self) -> Scope<'_> {
            self.0.scope()
        }

        fn keeps_scopes(&self) -> bool {
            self.0.keeps_scopes()
        }

        fn span(&mut self, span: SpanRef<'_>, to: &mut Attributes<'_>) -> Fields {
            self.0.sorted(span, to)
        }
    }

    fn encoded(mapping: impl Mapping, delivery: &Delivery) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::new(Format::Json, mapping), Vec::new());
        for part in delivery.parts() {
            encoder.fill(part.resource(), &mut part.spans().peekable(), usize::MAX, &mut out).unwrap();
        }
        out
    }

    /// Requests by the short cut and without it.
    struct Both(Arc<Mutex<Vec<[String; 2]>>>);

    impl Exporter for Both {
        fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
            let mapping = || Observations::new(Config::new("pk", "sk").environment("e").release("r"));
            let both = [encoded(mapping(), delivery), encoded(Sorted(mapping()), delivery)];
            self.0.lock().unwrap().push(both.map(|bytes| String::from_utf8(bytes).unwrap()));
            Ok(())
        }
    }

    #[track_caller]
    fn assert_same(record: impl FnOnce(&Span)) {
        let found = Arc::default();
        let settings = Settings::default();
        let guard = builder("x").settings(settings).exporter(Both(Arc::clone(&found))).start().unwrap();
        let tracer = guard.tracer();
        tracer.in_root("root", |root| root.in_span("child", record));
        let given = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
        tracer.bind(given).in_span("of ids", |span| _ = span.set("n", 1));
        guard.finish();
        let found = found.lock().unwrap();
        assert!(!found.is_empty());
        found.iter().for_each(|[short, sorted]| assert_eq!(short, sorted));
    }

    #[test]
    fn the_short_cut_writes_what_the_sorted_way_does() {
        let recorded = [
            keys::OBSERVATION_TYPE,
            keys::INPUT,
            keys::OUTPUT,
            keys::METADATA,
            keys::LEVEL,
            keys::STATUS_MESSAGE,
            keys::VERSION,
            keys::OPERATION,
            keys::REQUEST_MODEL,
            keys::RESPONSE_MODEL,
            keys::REQUEST,
            keys::INPUT_TOKENS,
            keys::OUTPUT_TOKENS,
            keys::TOTAL_TOKENS,
            keys::USAGE,
            keys::COST,
            keys::COST_DETAIL,
            keys::COMPLETION_START_TIME,
            keys::PROMPT_NAME,
            keys::PROMPT_VERSION,
            keys::TRACE_NAME,
            keys::USER,
            keys::SESSION,
            keys::TAGS,
            keys::TRACE_METADATA,
            keys::PUBLIC,
            keys::ENVIRONMENT,
            keys::RELEASE,
        ];
        let added = [
            "langfuse.observation.type",
            "langfuse.environment",
            "langfuse.release",
            "langfuse.trace.public",
            "langfuse.internal.is_app_root",
            "langfuse.internal.as_root",
            "heirloom.truncated",
            "heirloom.incomplete",
            "heirloom.aborted",
            "heirloom.dropped_children",
            "thread.id",
            "thread.name",
            "process.pid",
            "span.kind",
            "otel.scope.name",
            "langfuse.observation.level",
            "heirloom.left_out",
        ];
        let plain = ["items", "a", "", "http.request.method", "ü", "db.system", "url.full", "order.id"];
        let all = recorded.iter().chain(&added).chain(&plain).chain(&INPUTS).chain(&OUTPUTS);
        for key in all.copied() {
            assert_same(|span| _ = span.set("before", "x").set(key, "span").set("after", 1));
            assert_same(|span| _ = span.set(format!("{key}x"), 7).set(key, true));
        }
    }

    #[test]
    fn neither_errors_nor_kinds_nor_many_attributes_take_a_wrong_way() {
        assert_same(|span| _ = span.error("no"));
        assert_same(|span| _ = span.set_status(Status::Ok));
        assert_same(|span| span.build("server").kind(SpanKind::Server).start().end());
        assert_same(|span| (0..140).for_each(|n| _ = span.set(format!("key {n}"), n)));
        assert_same(|span| _ = span.set("long", "x".repeat(100_000)));
        assert_same(|span| _ = span.event("e").link(span.context()));
        assert_same(|span| std::mem::forget(span.span("open")));
        assert_same(|span| {
            span.context().trace_update().set("of all", 1);
            span.span("in between").set(keys::PUBLIC, true);
        });
    }
}
