//! Turns tracing's events into events of spans.

use super::fields::{special, Values};
use super::recorded::Recorded;
use crate::content;
use heirloom_core::{Context, Name, Span, Value};
use std::borrow::Cow;
use tracing_core::{Event, Level};

/// One of tracing's events, read once.
pub(super) struct Read {
    attributes: Vec<(&'static str, Value<'static>)>,
    message: Option<String>,
    error: Option<String>,
    name: &'static str,
    is_error: bool,
}

impl Read {
    pub(super) fn new(event: &Event<'_>, max_text_bytes: usize) -> Self {
        let metadata = event.metadata();
        let mut attributes = vec![("level", metadata.level().as_str().into()), ("target", target(metadata.target()))];
        let (mut message, mut error) = (None, None);
        let each = |field: &tracing_core::Field, value: Value<'_>| {
            if field.name() == special::MESSAGE {
                message = Some(value.to_string());
                return;
            }
            if field.name() == special::ERROR {
                error = Some(value.to_string());
            }
            attributes.push((field.name(), value.into_owned()));
        };
        event.record(&mut Values { max_text_bytes, each });
        if let Some(whole) = message.as_ref().filter(|text| text.len() > Name::MAX_BYTES) {
            attributes.push((special::MESSAGE, whole.clone().into()));
        }
        Self { attributes, message, error, name: metadata.name(), is_error: *metadata.level() == Level::ERROR }
    }

    /// The event's name: its message, or tracing's name of the event if there is no message.
    fn name(&self) -> Name<'_> {
        match &self.message {
            Some(message) => Name::dynamic(message),
            None => self.name.into(),
        }
    }

    /// The description of the error, if this is one: the field `error`, else the message.
    fn failure(&self) -> Option<&str> {
        self.is_error.then(|| self.error.as_deref().or(self.message.as_deref()).unwrap_or(self.name))
    }

    /// Applies the rules of the span's tracer to the attributes.
    fn apply_rules(&mut self, span: &Span) {
        let attributes = std::mem::take(&mut self.attributes).into_iter();
        self.attributes =
            attributes.filter_map(|(key, value)| content::ruled(span, key, value).map(|value| (key, value))).collect();
    }

    /// Adds the event to the recorded span of one of tracing's.
    pub(super) fn add_to(&mut self, recorded: &Recorded, fails: bool) {
        self.apply_rules(&recorded.span);
        recorded.span.event_with(self.name(), &self.attributes);
        if let Some(failure) = self.failure().filter(|_| fails) {
            recorded.fail(failure);
        }
    }

    /// Adds the event to Heirloom's current span.
    pub(super) fn add_to_current(&mut self, current: Context, fails: bool) {
        let Ok(update) = current.try_update() else { return };
        self.apply_rules(&update);
        update.event_with(self.name(), &self.attributes);
        if let Some(failure) = self.failure().filter(|_| fails) {
            update.error(failure);
        }
    }
}

fn target(text: &str) -> Value<'static> {
    Value::Str(Cow::Owned(text.to_owned()))
}
