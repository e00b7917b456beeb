//! [`Strip`]: removes what is private from requests, so that a report can be shared.

use heirloom_core::export::marks;
use heirloom_core::Status;
use heirloom_otlp::read::{AnyValue, KeyValue, Request, Span};
use hmac_sha256::HMAC;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The attributes that stay: those that the analysis reads. A list, since `heirloom.trace.metadata.*` and others have values of the
/// program.
const KEPT: &[&str] = &[
    "busy_ns",
    "heirloom.aborted",
    "heirloom.busy_ns",
    "heirloom.cancelled",
    "heirloom.cores",
    "heirloom.cpus",
    "heirloom.dropped_children",
    marks::FAN_OUT,
    "heirloom.idle_ns",
    "heirloom.incomplete",
    "heirloom.items",
    marks::MARKS,
    marks::NESTED,
    marks::POLLS,
    "heirloom.queue_ns",
    "idle_ns",
    "process.pid",
    "thread.id",
];
/// Those whose values are texts.
const KEPT_TEXTS: &[&str] = &["heirloom.marks.texts", "service.name", "thread.name"];
/// Names of pools that the analysis knows. Each program may have them.
const KNOWN_NAMES: &[&str] = &["rayon", "tokio"];

/// Removes what is private.
pub(super) struct Strip {
    /// The key of the replacements, if names are replaced.
    key: Option<Vec<u8>>,
}

impl Strip {
    /// With `names` it replaces names: by a hash with this key, or with a random one. A hash without a key would tell which of some
    /// guessed names it is of.
    pub(super) fn new(names: bool, key: Option<&str>) -> Self {
        let random = || (0..4).flat_map(|_| RandomState::new().build_hasher().finish().to_le_bytes()).collect();
        Self { key: names.then(|| key.map_or_else(random, |key| key.as_bytes().to_vec())) }
    }

    pub(super) fn request(&mut self, request: &mut Request) {
        for resource in &mut request.resource_spans {
            self.attributes(&mut resource.resource.attributes, &mut resource.resource.dropped_attributes_count);
            for scope in &mut resource.scope_spans {
                none(&mut scope.scope.attributes, &mut scope.scope.dropped_attributes_count);
                self.name(&mut scope.scope.name);
                self.name(&mut scope.scope.version);
                scope.spans.iter_mut().for_each(|span| self.span(span));
            }
        }
    }

    fn span(&mut self, span: &mut Span) {
        self.attributes(&mut span.attributes, &mut span.dropped_attributes_count);
        self.name(&mut span.name);
        span.trace_state.clear();
        if let Status::Error(why) = &mut span.status {
            why.clear();
        }
        for event in &mut span.events {
            none(&mut event.attributes, &mut event.dropped_attributes_count);
            self.name(&mut event.name);
        }
        for link in &mut span.links {
            none(&mut link.attributes, &mut link.dropped_attributes_count);
            link.trace_state.clear();
        }
    }

    fn attributes(&mut self, attributes: &mut Vec<KeyValue>, dropped: &mut u32) {
        let before = attributes.len();
        attributes.retain_mut(|KeyValue { key, value }| match value {
            AnyValue::String(_) | AnyValue::Array(_) if KEPT_TEXTS.contains(&key.as_str()) => {
                self.texts(value);
                true
            }
            value => KEPT.contains(&key.as_str()) && has_numbers_only(value),
        });
        add(dropped, before - attributes.len());
    }

    fn texts(&mut self, value: &mut AnyValue) {
        match value {
            AnyValue::String(text) => self.name(text),
            AnyValue::Array(items) => items.iter_mut().for_each(|item| self.texts(item)),
            other => *other = AnyValue::Empty,
        }
    }

    /// Replaces a name by 48 bits of its HMAC: among a million names, one in a hundred files has two with the same replacement.
    fn name(&mut self, name: &mut String) {
        let Some(key) = &self.key else { return };
        if name.is_empty() || KNOWN_NAMES.contains(&name.as_str()) {
            return;
        }
        let digits = HMAC::mac(name.as_bytes(), key)[..6].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        *name = format!("n{digits}");
    }
}

fn has_numbers_only(value: &AnyValue) -> bool {
    match value {
        AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => true,
        AnyValue::Array(items) => items.iter().all(|item| matches!(item, AnyValue::Int(_))),
        AnyValue::Empty | AnyValue::String(_) | AnyValue::Map(_) | AnyValue::Bytes(_) => false,
    }
}

/// Removes all attributes.
fn none(attributes: &mut Vec<KeyValue>, dropped: &mut u32) {
    add(dropped, attributes.len());
    attributes.clear();
}

/// What was removed counts as dropped: a reader of the file sees that something was there.
fn add(dropped: &mut u32, more: usize) {
    *dropped = dropped.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_otlp::read::{self, Event, Link};

    const SECRET: &str = "s3cr3t";

    fn attribute(key: &str, value: AnyValue) -> KeyValue {
        KeyValue { key: key.to_owned(), value }
    }

    /// A request with a secret in each place that can have a text.
    fn request() -> Request {
        let text = || AnyValue::String(SECRET.to_owned());
        let own = || {
            let map = AnyValue::Map(vec![attribute(SECRET, text())]);
            vec![
                attribute(SECRET, AnyValue::Int(1)),
                attribute("heirloom.trace.metadata.tenant", text()),
                attribute("heirloom.worker.stderr", text()),
                attribute("heirloom.items", text()),
                attribute("heirloom.marks", AnyValue::Array(vec![AnyValue::Int(7), text()])),
                attribute("heirloom.busy_ns", map),
                attribute(marks::POLLS, AnyValue::Bytes(SECRET.as_bytes().to_vec())),
            ]
        };
        let kept =
            [attribute("thread.id", AnyValue::Int(4)), attribute("thread.name", AnyValue::String("main".to_owned()))];
        let span = Span {
            name: "decode".to_owned(),
            trace_state: format!("a={SECRET}"),
            attributes: own().into_iter().chain(kept).collect(),
            events: vec![Event { name: "retry".to_owned(), attributes: own(), ..Event::default() }],
            links: vec![Link { trace_state: format!("a={SECRET}"), attributes: own(), ..Link::default() }],
            status: Status::Error(SECRET.to_owned()),
            ..Span::default()
        };
        let scope = read::Scope { name: "app".to_owned(), attributes: own(), ..read::Scope::default() };
        let spans = read::ScopeSpans { scope, spans: vec![span], ..read::ScopeSpans::default() };
        let service = attribute("service.name", AnyValue::String("shop".to_owned()));
        let resource =
            read::Resource { attributes: own().into_iter().chain([service]).collect(), ..read::Resource::default() };
        Request {
            resource_spans: vec![read::ResourceSpans { resource, scope_spans: vec![spans], ..Default::default() }],
        }
    }

    #[test]
    fn nothing_private_is_left_and_what_the_analysis_reads_stays() {
        let mut request = request();
        Strip::new(false, None).request(&mut request);
        let text = format!("{request:?}");
        assert!(!text.contains(SECRET) && !text.contains("115, 51"), "{text}");
        let resource = &request.resource_spans[0];
        let span = &resource.scope_spans[0].spans[0];
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| &*attribute.key).collect();
        assert_eq!(keys, ["thread.id", "thread.name"]);
        assert_eq!((&*span.name, span.dropped_attributes_count), ("decode", 7));
        assert_eq!((span.events[0].dropped_attributes_count, span.links[0].dropped_attributes_count), (7, 7));
        assert_eq!(span.status, Status::Error(String::new()));
        assert_eq!(resource.resource.attributes.len(), 1);
    }

    #[test]
    fn names_are_replaced_by_the_same_text_for_the_same_key_only() {
        let name = |key: Option<&str>| {
            let mut request = request();
            Strip::new(true, key).request(&mut request);
            let text = format!("{request:?}");
            assert!(!["decode", "retry", "app", "main", "shop"].iter().any(|name| text.contains(name)), "{text}");
            request.resource_spans[0].scope_spans[0].spans[0].name.clone()
        };
        assert_eq!(name(Some("k")), name(Some("k")));
        assert_ne!(name(Some("k")), name(Some("l")));
        assert_ne!(name(None), name(None));
        let mut pool = "rayon".to_owned();
        Strip::new(true, None).name(&mut pool);
        assert_eq!(pool, "rayon");
    }
}
