//! What Langfuse's own SDK sends, and what is therefore checked of every request.
//!
//! | file | rules |
//! |---|---|
//! | `headers.rs` | the headers of a request |
//! | `envelope.rs` | ids, names, times, kind, status; scope and resource |
//! | `attributes.rs` | which attributes there are, and where |
//! | `format.rs` | how the value of each is written |
//! | `tree.rs` | what spans say of each other |
//!
//! A rule is a function; a [`Violation`] has its name.

mod attributes;
mod envelope;
mod format;
mod headers;
#[cfg(test)]
mod tests;
mod tree;

use crate::http::Raw;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use std::fmt;

pub(crate) use tree::tree;

/// Something that is not as the contract says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// Where and what: the span, the attribute, the value.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// What a rule finds: what is wrong, in words.
type Finding = Result<(), String>;

/// Wrong unless it holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if holds {
        Ok(())
    } else {
        Err(otherwise())
    }
}

/// Collects what rules find.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn check(&mut self, rule: &'static str, place: &str, finding: Finding) {
        if let Err(what) = finding {
            self.0.push(Violation { rule, what: format!("{place}: {what}") });
        }
    }
}

/// Everything that can be said of one request.
pub(crate) fn request(raw: &Raw, request: &ExportTraceServiceRequest, public_key: &str) -> Vec<Violation> {
    let mut findings = Findings::default();
    headers::check(&mut findings, raw, public_key);
    for resource_spans in &request.resource_spans {
        envelope::resource(&mut findings, resource_spans);
        for scope_spans in &resource_spans.scope_spans {
            envelope::scope(&mut findings, scope_spans, public_key);
            for span in &scope_spans.spans {
                envelope::span(&mut findings, span);
                attributes::check(&mut findings, span);
            }
        }
    }
    findings.0
}
