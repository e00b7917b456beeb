//! This process's environment variables. This crate and the exporters read them here only, so that a program with more
//! rights than its user (setuid, setgid, file capabilities) is not led by that user.
//!
//! Such a program's caller chooses its environment. A variable that names a file makes the program write there with its
//! own rights, one that names an endpoint or a key sends what it records to the caller. So such a program reads only
//! variables that are known to name neither: the numbers, switches and names that the reader lists. Any other variable
//! counts as not set there. Each ignored variable is reported once.
//!
//! | variables | there |
//! |---|---|
//! | `HEIRLOOM_TRACE_FILE`; `HEIRLOOM_TREE` (of `heirloom-insight`), which shows what was recorded; `HEIRLOOM_STRICT`, which lets another variable stop the program | ignored |
//! | the other variables of [`Settings`](crate::Settings) and its tables | read |
//! | `HEIRLOOM_TRACE_BYTES` (of `heirloom-insight`): the size of what the trace file streams to; `COLUMNS`: the width of its texts | read |
//! | `OTEL_TRACES_EXPORTER`; of `OTEL_EXPORTER_OTLP_*` those with addresses, headers, certificates and keys (of `heirloom-otlp`) | ignored |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT`, `_COMPRESSION`, `_PROTOCOL`, the same with `TRACES_`; `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | read |
//! | `TRACEPARENT`, `TRACESTATE`, `BAGGAGE` | ignored |
//! | `HEIRLOOM_REGION`, `HEIRLOOM_WORKER` (of `heirloom-ipc`) | ignored |
//! | `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY`, `LANGFUSE_BASE_URL`, `LANGFUSE_HOST`, `LANGFUSE_OTEL_TRACES_EXPORT_PATH` | ignored |
//! | the other variables of Langfuse | read |
//! | `HTTPS_PROXY` and the other names of proxies; `SSL_CERT_FILE`, `SSL_CERT_DIR` | the exporters for OTLP and Langfuse use no proxy, and send nothing over TLS with other certificates |
//! | `OTEL_EXPORTER_OTLP_*` in the crate `opentelemetry-otlp`, `OPENAI_*` in `async-openai` | read by those crates, not by Heirloom: such a program must set endpoints and keys in code |
//!
//! Linux tells a program that it has such rights (`AT_SECURE`, [getauxval]). On other systems no program counts as one.
//!
//! [getauxval]: https://man7.org/linux/man-pages/man3/getauxval.3.html

mod names;

pub use names::{UnknownName, NAMES};

use crate::diagnostics::{self, Cause, Diagnostic, Level};
use crate::sys;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

/// The variables that were reported as ignored.
static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Upper bound on the reported names. This workspace's crates read fewer.
const MAX_REPORTED: usize = 64;

/// The value of a variable; `None` if it isn't set. In a program with more rights than its user also if it isn't listed in
/// `harmless`: the variables that name no file, endpoint or key. That is reported once on standard error.
///
/// ```
/// let level = heirloom_core::environment::variable("APP_LEVEL", &["APP_LEVEL"]); // in every program
/// let target = heirloom_core::environment::variable("APP_TARGET", &["APP_LEVEL"]); // not in a setuid program
/// # assert_eq!((level, target), (None, None));
/// ```
pub fn variable(name: &str, harmless: &[&str]) -> Option<OsString> {
    let value = std::env::var_os(name)?;
    if sys::is_elevated() && !harmless.contains(&name) {
        report(name);
        return None;
    }
    Some(value)
}

/// Whether a variable is set that [`variable`] would ignore: for one that another crate reads.
pub fn is_ignored(name: &str) -> bool {
    sys::is_elevated() && std::env::var_os(name).is_some()
}

/// Whether this program has more rights than the user who started it.
pub fn is_elevated() -> bool {
    sys::is_elevated()
}

/// The variables of this process whose names begin with `HEIRLOOM_` and that nothing reads: probably mistakes. At most 16, sorted.
///
/// Copies the environment, under its lock.
pub fn unknown_names() -> Vec<UnknownName> {
    names::unknown(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
}

fn report(name: &str) {
    let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    if reported.len() >= MAX_REPORTED || reported.iter().any(|known| known == name) {
        return;
    }
    reported.push(name.to_owned());
    drop(reported);
    let message = format!("{name} is ignored, because this program has more rights than the user who started it");
    diagnostics::report(Diagnostic::new(Level::Warn, Cause::Setting, message));
}
