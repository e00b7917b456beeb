//! [`TraceUpdate`]: values of a whole trace.

use crate::llm::keys;
use crate::{record, Context, IntoValue, Name, SetError, Span, UpdateError};

/// Sets values of a whole trace: its name, its user, its session, tags.
///
/// They become attributes of the spans of the trace that *finish* after they were set, in this process and in its worker
/// processes. The thread that sets them doesn't matter. The root finishes last, so it has all of them. If no span of the
/// trace is open any more, the value is exported on an additional span, `trace update`. Of two values of one key the
/// later wins, except that lists of texts are joined. A span's attribute wins over the trace's value of the same key. The
/// values are kept until the trace has been quiet for a minute, within 16 MiB for all traces.
///
/// If no span is current, or the trace isn't recorded, nothing is set. The ledger counts the former as `missed_updates`.
/// [`Context::try_trace_update`] returns the reason.
///
/// Values that arrive in Langfuse's baggage are set in the same way, by this process's first span of the trace.
///
/// The values stay in this process and its workers. Put what another machine or an unattached child must know into the
/// [`Baggage`](crate::Baggage).
///
/// Cost of each value: one clock read and one record; no lock. A list of texts is copied once through the heap.
///
/// ```
/// use heirloom_core::{in_root, testing, Context};
/// testing::run(|t| {
///     in_root("answer", |root| {
///         root.in_span("look up", |_| Context::current().trace_update().user("u1").tags(["beta"]).set("shop", 7));
///         root.in_span("think", |_| ());
///     });
///     let users = t.spans().iter().filter(|span| span.attributes.iter().any(|(key, _)| key == "user.id")).count();
///     assert_eq!(users, 3);
/// });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TraceUpdate {
    /// Bound to a tracer; invalid if there is no trace to update.
    cx: Context,
}

impl TraceUpdate {
    /// Sets any value of the trace ([`IntoValue`]); `None` sets nothing.
    pub fn set<'k, 'v>(self, key: impl Into<Name<'k>>, value: impl IntoValue<'v>) -> Self {
        let _ = self.try_set(key, value);
        self
    }

    /// As [`set`](Self::set), and returns why if the value isn't recorded.
    ///
    /// # Errors
    /// The trace isn't recorded; the thread's shard is full; the thread is in the middle of another record.
    pub fn try_set<'k, 'v>(self, key: impl Into<Name<'k>>, value: impl IntoValue<'v>) -> Result<Self, SetError> {
        if !self.cx.is_valid() {
            return Err(SetError::NotRecording);
        }
        match value.into_value() {
            Some(value) => record::set_trace_value(self.cx, key.into(), value).map(|()| self),
            None => Ok(self),
        }
    }

    /// Sets the name of the trace.
    pub fn name(self, name: &str) -> Self {
        self.set(keys::TRACE_NAME, name)
    }

    /// Sets the user for whom it runs (`user.id`).
    pub fn user(self, id: &str) -> Self {
        self.set(keys::USER, id)
    }

    /// Sets the session or conversation that it is part of (`session.id`).
    pub fn session(self, id: &str) -> Self {
        self.set(keys::SESSION, id)
    }

    /// Adds tags.
    pub fn tags<'t>(self, tags: impl IntoIterator<Item = &'t str>) -> Self {
        let tags: Vec<&str> = tags.into_iter().collect();
        self.set(keys::TAGS, &tags[..])
    }

    /// Sets one entry of its metadata. Allocates for the key.
    pub fn metadata<'v>(self, key: &str, value: impl IntoValue<'v>) -> Self {
        self.set([keys::TRACE_METADATA, key].concat(), value)
    }

    /// Sets the version of the traced component.
    pub fn version(self, version: &str) -> Self {
        self.set(keys::VERSION, version)
    }

    /// Sets where it runs: `production`, `staging`, ..
    pub fn environment(self, environment: &str) -> Self {
        self.set(keys::ENVIRONMENT, environment)
    }

    /// Sets whether everyone with the link may see the trace, in backends that have such links.
    pub fn public(self, public: bool) -> Self {
        self.set(keys::PUBLIC, public)
    }
}

impl Context {
    /// The trace of this context, to set values of it.
    pub fn trace_update(self) -> TraceUpdate {
        self.try_trace_update().unwrap_or(TraceUpdate { cx: Context::INERT })
    }

    /// As [`trace_update`](Self::trace_update), and returns why if there is no trace to update.
    ///
    /// # Errors
    /// The context is invalid, the trace isn't recorded, or no tracer runs.
    pub fn try_trace_update(self) -> Result<TraceUpdate, UpdateError> {
        record::updatable(self).map(|cx| TraceUpdate { cx })
    }
}

impl Span {
    /// The trace of this span, to set values of it.
    pub fn trace_update(&self) -> TraceUpdate {
        self.context().trace_update()
    }
}
