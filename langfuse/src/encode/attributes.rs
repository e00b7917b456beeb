//! The attributes of a span: the place of each, and which are kept first.

use super::foreign::Foreign;
use super::generation::{self, Generation};
use super::kind;
use super::process::Process;
use super::public::Public;
use super::value::{cut, recorded, text, texts, truncated, KeyValue};
use crate::{environment, json};
use heirloom_core::export::{AttributeRef, SpanRef};
use heirloom_core::llm::{keys, Level, ObservationType};
use heirloom_core::{Status, Value};
use heirloom_otlp::encode as otlp;
use std::borrow::Cow;

/// Langfuse's limit, in characters, for a trace's name, user, session, each tag and each value of metadata.
const MAX_CHARS: usize = 200;
/// The largest number of recorded attributes of a span: OpenTelemetry's default. What the exporter adds doesn't count.
pub(super) const MAX_ATTRIBUTES: usize = 128;
/// Attribute with `key=characters` for each value that exceeds Langfuse's limit.
const LEFT_OUT: &str = "heirloom.left_out";

/// The attributes of a span in four groups: those that this exporter adds, and of those that were recorded the ones that must
/// not be lost, metadata, and the rest.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    added: Vec<KeyValue<'a>>,
    core: Vec<KeyValue<'a>>,
    metadata: Vec<KeyValue<'a>>,
    rest: Vec<KeyValue<'a>>,
    level: Option<&'static str>,
    status_message: Option<String>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(span: SpanRef<'a>, kind: ObservationType, process: &'a Process, public: &mut Public) -> Self {
        let mut sorter = Sorter::new(kind);
        span.attributes().for_each(|a| sorter.place(a));
        sorter.process(process);
        sorter.finish(span, public)
    }

    pub(super) fn level(&self) -> Option<&str> {
        self.level
    }

    pub(super) fn status_message(&self) -> Option<&str> {
        self.status_message.as_deref()
    }

    /// The number of attributes beyond the limit.
    pub(super) fn dropped(&self) -> u32 {
        let len = self.core.len() + self.metadata.len() + self.rest.len();
        u32::try_from(len.saturating_sub(MAX_ATTRIBUTES)).unwrap_or(u32::MAX)
    }

    /// All attributes, the most important ones first.
    pub(super) fn write(&self, to: &mut otlp::Attributes<'_>) {
        let recorded = self.core.iter().chain(&self.metadata).chain(&self.rest).take(MAX_ATTRIBUTES);
        recorded.chain(&self.added).for_each(|kv| to.add(&kv.key, &kv.value));
    }

    fn has(&self, key: &str) -> bool {
        [&self.added, &self.core, &self.metadata, &self.rest].into_iter().flatten().any(|kv| kv.key == key)
    }

    /// Adds an unchanged attribute, unless the key exists.
    fn pass_on(&mut self, passed: KeyValue<'a>) {
        if !self.has(&passed.key) {
            self.rest.push(passed);
        }
    }

    /// Adds an attribute that wasn't recorded as one, unless the key exists.
    fn add(&mut self, added: KeyValue<'a>) {
        if !self.has(&added.key) {
            self.added.push(added);
        }
    }
}

/// Puts each attribute into its place.
struct Sorter<'a> {
    kind: ObservationType,
    sorted: Attributes<'a>,
    /// Attributes that are passed on unchanged. They are known when all others are sorted.
    passed: Vec<KeyValue<'a>>,
    generation: Generation<'a>,
    input: Option<String>,
    output: Option<String>,
    public: Option<bool>,
    foreign: Foreign<'a>,
    cut: Vec<String>,
    left_out: Vec<String>,
}

impl<'a> Sorter<'a> {
    fn new(kind: ObservationType) -> Self {
        let mut sorted = Attributes::default();
        sorted.added.push(text("langfuse.observation.type", kind.name()));
        Self {
            kind,
            sorted,
            passed: Vec::new(),
            generation: Generation::default(),
            input: None,
            output: None,
            public: None,
            foreign: Foreign::default(),
            cut: Vec::new(),
            left_out: Vec::new(),
        }
    }

    fn place(&mut self, a: AttributeRef<'a>) {
        self.cut.extend(cut(&a));
        let rest = self.observation(a).and_then(|a| self.trace(a)).and_then(|a| self.model(a));
        self.passed.extend(rest.map(recorded));
    }

    /// Takes an attribute of the observation; returns any other.
    fn observation(&mut self, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        match a.key {
            keys::OBSERVATION_TYPE if kind::named(&a.value) == Some(self.kind) => {}
            keys::INPUT => self.input = json::plain(&a.value),
            keys::OUTPUT => self.output = json::plain(&a.value),
            keys::LEVEL => match level(&a.value) {
                Some(level) => self.sorted.level = Some(level),
                None => return Some(a),
            },
            keys::STATUS_MESSAGE => self.sorted.status_message = Some(a.value.to_string()),
            keys::VERSION => self.core("langfuse.version", a.value.to_string()),
            key => match key.strip_prefix(keys::METADATA) {
                Some(name) => self.metadata("langfuse.observation.metadata.", name, &a.value),
                None => return self.foreign.take(a),
            },
        }
        None
    }

    /// Takes an attribute of the trace; returns any other.
    fn trace(&mut self, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        match (a.key, &a.value) {
            (keys::TRACE_NAME, name) => self.trace_name(a.key, &name.to_string()),
            (keys::USER, user) => self.limited(a.key, "user.id", user.to_string()),
            (keys::SESSION, session) => self.limited(a.key, "session.id", session.to_string()),
            (keys::TAGS, tags) => self.tags(tags),
            (keys::PUBLIC, Value::Bool(public)) => self.public = Some(*public),
            (keys::ENVIRONMENT, Value::Str(name)) => match environment::valid(name) {
                Some(name) => self.core("langfuse.environment", name),
                None => return Some(a),
            },
            (keys::RELEASE, Value::Str(release)) => self.core("langfuse.release", release.to_string()),
            (key, value) => match key.strip_prefix(keys::TRACE_METADATA) {
                Some(name) => self.trace_metadata(a.key, name, value),
                None => return Some(a),
            },
        }
        None
    }

    /// Takes an attribute of a model's call. On other observations it becomes metadata. Otherwise Langfuse would count usage
    /// twice: on an agent and on its call of a model.
    fn model(&mut self, a: AttributeRef<'a>) -> Option<AttributeRef<'a>> {
        if !generation::is_one(a.key) {
            return Some(a);
        }
        if kind::has_usage(self.kind) {
            return self.generation.take(a);
        }
        self.metadata("langfuse.observation.metadata.", a.key, &a.value);
        None
    }

    fn core(&mut self, key: &'static str, value: impl Into<Cow<'a, str>>) {
        self.sorted.core.push(text(key, value));
    }

    fn metadata(&mut self, prefix: &str, name: &str, value: &Value<'_>) {
        let json = json::from_value(value);
        if json != "null" {
            self.sorted.metadata.push(text(format!("{prefix}{name}"), json.into_owned()));
        }
    }

    fn limited(&mut self, recorded: &str, key: &'static str, value: String) {
        if self.fits(recorded, &value) {
            self.core(key, value);
        }
    }

    /// The name of the trace. A long name is cut, because its start is still useful to a reader.
    fn trace_name(&mut self, recorded: &str, name: &str) {
        let short: String = name.chars().take(MAX_CHARS).collect();
        if short.len() < name.len() {
            self.cut.push(format!("{recorded}={}", name.len()));
        }
        if !short.is_empty() {
            self.core("langfuse.trace.name", short);
        }
    }

    fn tags(&mut self, tags: &Value<'_>) {
        let tags: Vec<String> = match tags {
            Value::Strs(tags) => tags.iter().map(|tag| tag.to_string()).collect(),
            one => vec![one.to_string()],
        };
        let fitting = tags.into_iter().filter(|tag| self.fits(keys::TAGS, tag));
        let tags = texts("langfuse.trace.tags", fitting.collect::<Vec<_>>());
        self.sorted.core.push(tags);
    }

    /// A value of the trace's metadata. A text stays a text even if it looks like JSON.
    fn trace_metadata(&mut self, recorded: &str, name: &str, value: &Value<'_>) {
        let json = match value {
            Value::Str(text) => Cow::Owned(json::quoted(text)),
            other => json::from_value(other),
        };
        if self.fits(recorded, &json) {
            self.sorted.metadata.push(text(format!("langfuse.trace.metadata.{name}"), json.into_owned()));
        }
    }

    /// Whether the value is non-empty and short enough. A value that is too long is named in [`LEFT_OUT`].
    fn fits(&mut self, recorded: &str, value: &str) -> bool {
        let chars = value.chars().count();
        if chars > MAX_CHARS {
            self.left_out.push(format!("{recorded}={chars}"));
        }
        (1..=MAX_CHARS).contains(&chars)
    }

    /// Adds the attributes that all spans of a process share, unless the span has its own.
    fn process(&mut self, process: &'a Process) {
        process.attributes().for_each(|ours| self.sorted.add(ours));
    }

    fn finish(mut self, span: SpanRef<'a>, public: &mut Public) -> Attributes<'a> {
        self.input_and_output();
        self.outcome(span);
        let is_topmost = !span.parent_is_ours() || span.parent_span_id().is_none();
        if let Some(public) = public.of(span, is_topmost, self.public) {
            self.sorted.added.push(KeyValue::new("langfuse.trace.public", public));
        }
        if is_topmost {
            self.sorted.added.push(KeyValue::new("langfuse.internal.is_app_root", true));
        }
        if is_topmost && span.parent_is_explicit() {
            self.sorted.added.push(KeyValue::new("langfuse.internal.as_root", true));
        }
        let rest = self.generation.add_to(&mut self.sorted.core);
        let left_out = (!self.left_out.is_empty()).then(|| texts(LEFT_OUT, self.left_out));
        let mut sorted = self.sorted;
        self.passed.into_iter().chain(rest).for_each(|kv| sorted.pass_on(kv));
        truncated(self.cut).into_iter().chain(left_out).for_each(|kv| sorted.add(kv));
        of_recording(span).for_each(|kv| sorted.add(kv));
        let scope = span.scope().into_iter().flat_map(|scope| scope.all());
        scope.for_each(|a| sorted.add(recorded(a)));
        sorted
    }

    fn input_and_output(&mut self) {
        let Foreign { input, output } = std::mem::take(&mut self.foreign);
        let foreign = [input.into_inner(), output.into_inner()];
        let own =
            [("langfuse.observation.input", self.input.take()), ("langfuse.observation.output", self.output.take())];
        for ((key, own), foreign) in own.into_iter().zip(foreign) {
            match (own, foreign) {
                (Some(own), foreign) => {
                    self.core(key, own);
                    self.passed.extend(foreign.map(recorded));
                }
                (None, Some(foreign)) => {
                    json::plain(&foreign.value).into_iter().for_each(|value| self.core(key, value));
                }
                (None, None) => {}
            }
        }
    }

    /// Level and message: the recorded ones, else those that follow from the span's outcome.
    fn outcome(&mut self, span: SpanRef<'_>) {
        let (level, message) = match span.status() {
            Status::Error(message) => (Some(Level::Error), message),
            _ if span.is_aborted() => (Some(Level::Error), "its process ended".to_owned()),
            _ if span.is_incomplete() => (Some(Level::Warning), "still open when the tracer finished".to_owned()),
            _ => (None, String::new()),
        };
        let level = self.sorted.level.or(level.map(Level::name));
        let message = self.sorted.status_message.take().unwrap_or(message);
        self.sorted.level = level;
        self.sorted.added.extend(level.map(|level| text("langfuse.observation.level", level)));
        if !message.is_empty() {
            self.sorted.added.push(text("langfuse.observation.status_message", message.clone()));
            self.sorted.status_message = Some(message);
        }
    }
}

fn level(value: &Value<'_>) -> Option<&'static str> {
    let text = value.as_str()?;
    let all = [Level::Debug, Level::Default, Level::Warning, Level::Error];
    all.into_iter().map(Level::name).find(|name| *name == text)
}

/// Values without a field in OTLP, as attributes with OpenTelemetry's names.
fn of_recording(span: SpanRef<'_>) -> impl Iterator<Item = KeyValue<'_>> {
    let lane = span.lane();
    let marks = [
        ("heirloom.incomplete", span.is_incomplete().then_some(Value::Bool(true))),
        ("heirloom.aborted", span.is_aborted().then_some(Value::Bool(true))),
        ("heirloom.dropped_children", Some(span.dropped_children()).filter(|n| *n > 0).map(Value::from)),
        ("thread.id", Some(Value::from(lane.thread_id))),
        ("thread.name", (!lane.thread_name.is_empty()).then(|| Value::from(&*lane.thread_name))),
        ("process.pid", Some(Value::from(lane.process_id))),
        ("span.kind", kind_name(span).map(Value::from)),
    ];
    marks.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
}

/// All spans of Langfuse are internal. Another kind becomes an attribute.
#[inline]
pub(super) fn kind_name(span: SpanRef<'_>) -> Option<&'static str> {
    use heirloom_core::SpanKind::{Client, Consumer, Internal, Producer, Server};
    match span.kind() {
        Internal => None,
        Server => Some("server"),
        Client => Some("client"),
        Producer => Some("producer"),
        Consumer => Some("consumer"),
    }
}
