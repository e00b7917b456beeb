//! One span.

use super::attributes::Attributes;
use super::kind;
use super::process::Process;
use super::public::Public;
use super::value::plain;
use heirloom_core::export::{EventRef, LinkRef, SpanRef};
use heirloom_core::llm::{Level, ObservationType};
use heirloom_core::Status;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status as ProtoStatus};

/// Flags of OTLP: the lowest byte has W3C's flags; the two bits here state that the parent is known to be remote ([flags]).
///
/// [flags]: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// The encoded span. Allocates for each text.
pub(super) fn span(span: SpanRef<'_>, process: &Process, public: &mut Public) -> Span {
    let kind = kind::of(span);
    let attributes = Attributes::of(span, kind, process, public);
    Span {
        trace_id: span.trace_id().to_bytes().to_vec(),
        span_id: span.span_id().to_bytes().to_vec(),
        parent_span_id: span.parent_span_id().map_or_else(Vec::new, |id| id.to_bytes().to_vec()),
        trace_state: span.tracestate().to_owned(),
        flags: flags(span.trace_flags(), span.parent_is_remote()),
        name: span.name().to_owned(),
        kind: SpanKind::Internal as i32,
        start_time_unix_nano: span.start_ns(),
        end_time_unix_nano: if kind == ObservationType::Event { span.start_ns() } else { span.end_ns() },
        status: status(span, &attributes),
        dropped_attributes_count: span.dropped_attributes() + attributes.dropped(),
        attributes: attributes.into_list(),
        events: span.events().map(event).collect(),
        dropped_events_count: span.dropped_events(),
        links: span.links().map(link).collect(),
        dropped_links_count: span.dropped_links(),
    }
}

fn flags(trace_flags: u8, remote: bool) -> u32 {
    u32::from(trace_flags) | HAS_IS_REMOTE | if remote { IS_REMOTE } else { 0 }
}

/// An error if the span's status or its level is one; otherwise unset, as in Langfuse's SDK.
fn status(span: SpanRef<'_>, attributes: &Attributes) -> Option<ProtoStatus> {
    let message = match span.status() {
        Status::Error(message) => message,
        _ if attributes.level() == Some(Level::Error.name()) => {
            attributes.status_message().unwrap_or_default().to_owned()
        }
        _ => return None,
    };
    Some(ProtoStatus { code: StatusCode::Error as i32, message })
}

fn event(event: EventRef<'_>) -> Event {
    Event {
        time_unix_nano: event.time_ns(),
        name: event.name().to_owned(),
        attributes: plain(event.attributes()),
        dropped_attributes_count: event.dropped_attributes(),
    }
}

fn link(link: LinkRef<'_>) -> Link {
    Link {
        trace_id: link.trace_id().to_bytes().to_vec(),
        span_id: link.span_id().to_bytes().to_vec(),
        trace_state: link.tracestate().to_owned(),
        attributes: plain(link.attributes()),
        dropped_attributes_count: link.dropped_attributes(),
        flags: flags(link.trace_flags(), link.is_remote()),
    }
}
