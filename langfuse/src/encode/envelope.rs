//! The parts of a request around its spans: resource and scope.

use super::process::Process;
use super::public::Public;
use super::value::{any, attribute, text};
use crate::config::Config;
use crate::transport::SDK_VERSION;
use heirloom_core::export::{Part, Resource};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// The scope that Langfuse's SDKs send. The server treats spans of other scopes as third-party spans.
const SCOPE: &str = "langfuse-sdk";

/// Resource and scope, once for all requests of a batch.
pub(crate) struct Envelope {
    request: ExportTraceServiceRequest,
    process: Process,
}

impl Envelope {
    pub(crate) fn new(config: &Config, resource: &Resource) -> Self {
        let process = Process::new(config, resource);
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: SDK_VERSION.to_owned(),
            attributes: vec![text("public_key", config.public_key.reveal())],
            dropped_attributes_count: 0,
        };
        let scope_spans = ScopeSpans { scope: Some(scope), ..ScopeSpans::default() };
        let resource = ProtoResource { attributes: attributes(resource, &process), ..ProtoResource::default() };
        let resource_spans =
            ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], ..ResourceSpans::default() };
        Self { request: ExportTraceServiceRequest { resource_spans: vec![resource_spans] }, process }
    }

    /// The encoded spans of one process.
    pub(crate) fn spans(&self, part: &Part, public: &mut Public) -> Vec<Span> {
        part.spans().map(|span| super::span::span(span, &self.process, public)).collect()
    }

    /// The encoded request with these spans; `None` if it has more than `max_bytes`. `spans` gets its spans back.
    pub(crate) fn encode(&mut self, spans: &mut Vec<Span>, max_bytes: usize) -> Option<Vec<u8>> {
        std::mem::swap(&mut self.request.resource_spans[0].scope_spans[0].spans, spans);
        let bytes = (self.request.encoded_len() <= max_bytes).then(|| self.request.encode_to_vec());
        std::mem::swap(&mut self.request.resource_spans[0].scope_spans[0].spans, spans);
        bytes
    }
}

/// The resource's attributes, and Langfuse's attributes of the process.
fn attributes(resource: &Resource, process: &Process) -> Vec<KeyValue> {
    let own = resource.attributes.iter().map(|(key, value)| attribute(key.as_ref(), any(value.clone())));
    let mut attributes: Vec<KeyValue> = own.collect();
    for ours in process.attributes() {
        attributes.retain(|known| known.key != ours.key);
        attributes.push(ours);
    }
    attributes
}
