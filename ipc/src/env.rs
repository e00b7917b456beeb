//! [`Environment`]: the trace in a child's environment ([environment variables as carriers]).
//!
//! This process's environment is read by [`Context::from_env`] and
//! [`Baggage::from_env`](heirloom_core::Baggage::from_env).
//!
//! [environment variables as carriers]: https://opentelemetry.io/docs/specs/otel/context/env-carriers/

use crate::process;
use heirloom_core::{Baggage, Context};
use std::ffi::OsString;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// The value of a variable by which a parent process hands over memory or a socket; `None` if it isn't set. A program with more
/// rights than its user (setuid, setgid, file capabilities) ignores it, because that user could have set it; that is reported once.
#[cfg_attr(not(any(feature = "record", feature = "workers")), allow(dead_code))]
pub(crate) fn handed_over(name: &str) -> Option<OsString> {
    static REPORTED: AtomicBool = AtomicBool::new(false);
    let value = std::env::var_os(name)?;
    if !process::is_elevated() {
        return Some(value);
    }
    if !REPORTED.swap(true, Ordering::Relaxed) {
        report_ignored(name);
    }
    None
}

#[cfg(feature = "record")]
fn report_ignored(name: &str) {
    use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
    let message = format!("{name} is ignored, because this program has more rights than the user who started it");
    report(Diagnostic::new(Level::Warn, Cause::Setting, message));
}

/// Without recording there is no channel for messages.
#[cfg(not(feature = "record"))]
fn report_ignored(_name: &str) {}

/// Whether a variable is set. Its value is not used.
#[cfg(feature = "workers")]
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The variables that propagate a trace to a child process: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE`.
///
/// A child inherits this process's variables, which have the context that *this* process was started with. So each of the three
/// either has a value here or is removed. A child never finds the context of another trace.
///
/// | context | `TRACEPARENT` | `TRACESTATE` |
/// |---|---|---|
/// | recorded | the span's, flag 01 | that of the remote ancestor, if there is one |
/// | not sampled | the nearest ids, flag 00, so that the child follows the decision | the same |
/// | transparent | its nearest recorded ancestor's | the same |
/// | invalid ([`INERT`](Context::INERT)) | removed | removed |
///
/// `BAGGAGE` has the value given to [`with_baggage`](Self::with_baggage), else the context's; without one it is removed. Each value
/// keeps the limits of its specification: [`TraceState`](heirloom_core::TraceState) and [`Baggage`] drop whole entries, from the
/// end.
///
/// [`traced`](crate::TracedCommand::traced) does this for commands. This type is for other ways to start a process: a container, a
/// job on another machine, a wrapper of `fork` and `exec`.
///
/// ```
/// use heirloom_core::{Context, SpanId, TraceId};
/// use heirloom_ipc::Environment;
/// let cx = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
/// let environment = Environment::of(cx);
/// let found: Vec<_> = environment.iter().collect();
/// assert_eq!(found[0], ("TRACEPARENT", Some("00-00000000000000000000000000000007-0000000000000009-01")));
/// assert_eq!(found[1..], [("TRACESTATE", None), ("BAGGAGE", None)]); // to be removed
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Environment {
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
}

/// The variable that names the trace file of a Heirloom program.
pub(crate) const TRACE_FILE: &str = "HEIRLOOM_TRACE_FILE";

/// The child doesn't inherit this variable, unless the command itself sets it.
pub(crate) fn keep(command: &mut Command, variable: &str) {
    if !command.get_envs().any(|(name, _)| name == variable) {
        command.env_remove(variable);
    }
}

impl Environment {
    /// The variables for this context. Allocates the texts. Takes a lock if there is a tracestate or baggage.
    pub fn of(cx: impl Into<Context>) -> Self {
        let cx = cx.into();
        let (traceparent, tracestate) = cx.to_headers();
        Self { traceparent, tracestate, baggage: None }.with_baggage(&cx.baggage())
    }

    /// Replaces the baggage. Every process that can read the child's environment can read it.
    ///
    /// ```
    /// use heirloom_core::{Baggage, Context};
    /// let (inherited, _) = Baggage::from_env();
    /// let environment = heirloom_ipc::Environment::of(Context::current()).with_baggage(&inherited);
    /// ```
    #[must_use]
    pub fn with_baggage(self, baggage: &Baggage) -> Self {
        Self { baggage: Some(baggage.to_string()).filter(|text| !text.is_empty()), ..self }
    }

    /// Each variable with its value; `None` if the child must not have it.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> + '_ {
        let values = [&self.traceparent, &self.tracestate, &self.baggage];
        ["TRACEPARENT", "TRACESTATE", "BAGGAGE"].into_iter().zip(values.map(Option::as_deref))
    }

    /// Sets and removes the variables of a command. Earlier values of these variables are replaced.
    ///
    /// ```
    /// use heirloom_ipc::Environment;
    /// heirloom_core::in_root("release", |root| {
    ///     let mut command = std::process::Command::new("true");
    ///     Environment::of(root).apply_to(&mut command);
    ///     command.status()
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn apply_to(&self, command: &mut Command) {
        for (name, value) in self.iter() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}
