//! What is around the spans of a request.

use super::value::{any, attribute, text};
use crate::config::Config;
use crate::environment;
use crate::transport::SDK_VERSION;
use heirloom_core::export::Resource;
use heirloom_core::llm::keys;
use heirloom_core::Value;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// The scope of everything that Langfuse's SDKs send; spans of other scopes are foreign to the server.
const SCOPE: &str = "langfuse-sdk";

/// Resource and scope, once for all requests of a batch.
pub(crate) struct Envelope {
    request: ExportTraceServiceRequest,
}

impl Envelope {
    pub(crate) fn new(config: &Config, resource: &Resource) -> Self {
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: SDK_VERSION.to_owned(),
            attributes: vec![text("public_key", config.public_key.reveal())],
            dropped_attributes_count: 0,
        };
        let scope_spans = ScopeSpans { scope: Some(scope), ..ScopeSpans::default() };
        let resource = ProtoResource { attributes: attributes(config, resource), ..ProtoResource::default() };
        let resource_spans =
            ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], ..ResourceSpans::default() };
        Self { request: ExportTraceServiceRequest { resource_spans: vec![resource_spans] } }
    }

    /// The request with these spans, in bytes, unless it has more than `max_bytes`. The spans are given back.
    pub(crate) fn encode(&mut self, spans: &mut Vec<Span>, max_bytes: usize) -> Option<Vec<u8>> {
        std::mem::swap(&mut self.request.resource_spans[0].scope_spans[0].spans, spans);
        let bytes = (self.request.encoded_len() <= max_bytes).then(|| self.request.encode_to_vec());
        std::mem::swap(&mut self.request.resource_spans[0].scope_spans[0].spans, spans);
        bytes
    }
}

/// The resource's own attributes, and what Langfuse wants to know of the process.
fn attributes(config: &Config, resource: &Resource) -> Vec<KeyValue> {
    let own = |(key, value): &(_, Value<'static>)| {
        attribute(std::borrow::Cow::into_owned(Clone::clone(key)), any(value.clone()))
    };
    let mut attributes: Vec<KeyValue> = resource.attributes.iter().map(own).collect();
    let recorded = |key| resource.get(key).and_then(Value::as_str);
    let environment =
        config.environment.as_deref().or(recorded(keys::ENVIRONMENT)).filter(|e| environment::is_valid(e));
    let release = config.release.as_deref().or(recorded(keys::RELEASE));
    for (key, value) in [("langfuse.environment", environment), ("langfuse.release", release)] {
        if let Some(value) = value {
            attributes.retain(|known| known.key != key);
            attributes.push(text(key, value));
        }
    }
    attributes
}
