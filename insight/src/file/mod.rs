//! Trace files that are reports: `HEIRLOOM_TRACE_FILE=run.html`.
//!
//! While the program runs, its spans are streamed to `run.html.part` as OTLP. When the tracer finishes, the report is made of that
//! file, and the file is removed. So memory is used only at the end, and a killed program leaves a file that can be read.
//!
//! | file | contents |
//! |---|---|
//! | this one | [`FromEnv`]: the extension of a tracer |
//! | `report.rs` | [`Report`]: the exporter |
//! | `part.rs` | the part file and its bound |
//! | `prune.rs` | a file of OTLP without its oldest traces |

mod part;
mod prune;
mod report;

pub use report::Report;

use heirloom_core::export::{Exporter, TraceFile};
use heirloom_core::{environment, ConfigWarning, Extension, Settings};
use heirloom_otlp::{Format, OtlpFile};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;

const VARIABLE: &str = "HEIRLOOM_TRACE_BYTES";

/// The default of `HEIRLOOM_TRACE_BYTES`: 1 GiB, about ten million spans.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// Looks up a variable.
type Variable = dyn Fn(&str) -> Option<OsString> + Send;

/// Makes [trace files](heirloom_core::Builder::trace_file) whose names end in `.html` [reports](Report), and those that end in
/// `.otlp` or `.jsonl` files of [OTLP](OtlpFile), which the command `heirloom` reads. An extension of a tracer: the crate
/// `heirloom` adds it to its `init` and `builder` if its feature `report` is on.
///
/// `HEIRLOOM_TRACE_BYTES` bounds the file that spans are streamed to, in bytes; the default is 1 GiB.
///
/// ```
/// let guard = heirloom_core::builder("shop").extension(heirloom_insight::file::FromEnv::new()).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub struct FromEnv {
    variable: Box<Variable>,
}

impl fmt::Debug for FromEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromEnv")
    }
}

impl Default for FromEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl FromEnv {
    /// The extension for this process's environment, which is read when a tracer starts.
    pub fn new() -> Self {
        Self::from_variables(|name| environment::variable(name, &[VARIABLE]))
    }

    /// The same for these variables instead of the environment's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString> + Send + 'static) -> Self {
        Self { variable: Box::new(variable) }
    }

    /// The bound, or the value that isn't one.
    fn bytes(&self) -> Result<u64, String> {
        let value = (self.variable)(VARIABLE).unwrap_or_default();
        let value = value.to_string_lossy();
        match value.trim() {
            "" => Ok(DEFAULT_BYTES),
            text => text.parse().ok().filter(|bytes| *bytes > 0).ok_or_else(|| text.to_owned()),
        }
    }
}

impl Extension for FromEnv {
    fn check(&mut self, _: &Settings) -> Vec<ConfigWarning> {
        let wrong = self.bytes().err();
        wrong
            .map(|value| ConfigWarning::new(VARIABLE, &value, "a number of bytes greater than zero"))
            .into_iter()
            .collect()
    }

    fn variables(&self) -> &'static [&'static str] {
        &[VARIABLE]
    }

    fn trace_file(&mut self, path: &Path) -> Option<io::Result<Box<dyn Exporter>>> {
        if let Some(format) = Format::of_file(path) {
            return Some(
                TraceFile::create(path).map(|file| Box::new(OtlpFile::new(format, file)) as Box<dyn Exporter>),
            );
        }
        path.extension().filter(|ending| ending.eq_ignore_ascii_case("html"))?;
        let report = Report::create(path, self.bytes().unwrap_or(DEFAULT_BYTES));
        Some(report.map(|report| Box::new(report) as Box<dyn Exporter>))
    }
}
