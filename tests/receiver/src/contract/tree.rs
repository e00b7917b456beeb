//! Rules for the relations between spans.

use super::{ensure, Finding, Findings, Violation};
use crate::span::{Received, Value};
use std::collections::HashMap;

type Id<'a> = (&'a str, &'a str);

/// Only the topmost span of a process is marked as app root. A span whose parent is in another process may be marked: the
/// processes don't know each other's spans.
pub(crate) fn tree(spans: &[Received]) -> Vec<Violation> {
    let ids: HashMap<Id<'_>, &Received> = spans.iter().map(|span| ((&*span.trace_id, &*span.span_id), span)).collect();
    let mut findings = Findings::default();
    for span in spans {
        let place = format!("span {:?}", span.name);
        findings.check("app-root", &place, app_root(span, &ids));
    }
    findings.check("ids-once", "spans", ensure(ids.len() == spans.len(), || "duplicate span id".to_owned()));
    findings.0
}

fn app_root(span: &Received, ids: &HashMap<Id<'_>, &Received>) -> Finding {
    let says_so = span.get("langfuse.internal.is_app_root") == Some(&Value::BoolValue(true));
    match &span.parent_span_id {
        None => ensure(says_so, || "a root without the mark of an app root".to_owned()),
        Some(parent) => match ids.get(&(&*span.trace_id, &**parent)) {
            Some(parent) if process(parent) == process(span) => {
                ensure(!says_so, || "an app root whose parent also arrived".to_owned())
            }
            Some(_) => Ok(()),
            None => ensure(says_so, || "its parent didn't arrive, and it isn't marked as app root".to_owned()),
        },
    }
}

fn process(span: &Received) -> Option<&Value> {
    span.origin.resource.iter().find(|(key, _)| key == "process.pid").map(|(_, pid)| pid)
}
