//! The format of Langfuse's own SDK, checked for every request.
//!
//! | file | rules |
//! |---|---|
//! | `headers.rs` | the headers of a request |
//! | `envelope.rs` | ids, names, times, kind, status; scope and resource |
//! | `attributes.rs` | the allowed attributes and their places |
//! | `format.rs` | the format of their values |
//! | `tree.rs` | the relations between spans |
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

/// A violation of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// The place and the problem: the span, the attribute, the value.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// The result of a rule; the error describes the problem.
type Finding = Result<(), String>;

/// An error unless the condition holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Finding {
    if holds {
        Ok(())
    } else {
        Err(otherwise())
    }
}

/// Collects the violations that rules find.
#[derive(Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn check(&mut self, rule: &'static str, place: &str, finding: Finding) {
        if let Err(what) = finding {
            self.0.push(Violation { rule, what: format!("{place}: {what}") });
        }
    }
}

/// All checks of one request.
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
