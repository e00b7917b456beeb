//! [`Observations`]: spans as Langfuse's observations.

use super::attributes::Attributes;
use super::common;
use super::kind;
use super::process::Process;
use super::public::Public;
use crate::config::{Config, SDK_VERSION};
use heirloom_core::export::{Resource, SpanRef};
use heirloom_core::llm::{Level, ObservationType};
use heirloom_core::{SpanKind, Status, Value};
use heirloom_otlp::encode::{self as otlp, Fields, Mapping, Scope};

/// The scope that Langfuse's SDKs send. The server treats spans of other scopes as third-party spans.
const SCOPE: &str = "langfuse-sdk";

/// What Langfuse gets instead of what was recorded.
#[derive(Debug)]
pub(crate) struct Observations {
    config: Config,
    /// Of the resource whose spans come next.
    process: Process,
    public: Public,
}

impl Observations {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, process: Process::default(), public: Public::default() }
    }
}

impl Mapping for Observations {
    /// The resource's attributes, and Langfuse's attributes of the process.
    fn resource(&mut self, resource: &Resource, to: &mut otlp::Attributes<'_>) {
        self.process = Process::new(&self.config, resource);
        let is_ours = |key: &str| self.process.attributes().any(|ours| ours.key == key);
        let recorded = resource.attributes.iter().filter(|(key, _)| !is_ours(key));
        recorded.for_each(|(key, value)| to.add(key, value));
        self.process.attributes().for_each(|ours| to.add(&ours.key, &ours.value));
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            name: SCOPE.into(),
            version: SDK_VERSION.into(),
            attributes: vec![("public_key".into(), Value::from(self.config.public_key.reveal()))],
        }
    }

    fn keeps_scopes(&self) -> bool {
        false
    }

    #[inline]
    fn span(&mut self, span: SpanRef<'_>, to: &mut otlp::Attributes<'_>) -> Fields {
        match common::add(span, &self.process, &mut self.public, to) {
            Some(fields) => fields,
            None => self.sorted(span, to),
        }
    }
}

impl Observations {
    /// A span with attributes that Langfuse has names for.
    #[inline(never)]
    pub(super) fn sorted(&mut self, span: SpanRef<'_>, to: &mut otlp::Attributes<'_>) -> Fields {
        let kind = kind::of(span);
        let attributes = Attributes::of(span, kind, &self.process, &mut self.public);
        attributes.write(to);
        Fields {
            kind: SpanKind::Internal,
            end_ns: if kind == ObservationType::Event { span.start_ns() } else { span.end_ns() },
            status: status(span, &attributes),
            dropped_attributes: span.dropped_attributes().saturating_add(attributes.dropped()),
        }
    }
}

/// An error if the span's status or its level is one; otherwise unset, as in Langfuse's SDK.
fn status(span: SpanRef<'_>, attributes: &Attributes<'_>) -> Status {
    match span.status() {
        Status::Error(message) => Status::Error(message),
        _ if attributes.level() == Some(Level::Error.name()) => {
            Status::Error(attributes.status_message().unwrap_or_default().to_owned())
        }
        _ => Status::Unset,
    }
}
