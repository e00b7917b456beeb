//! [`FromEnv`]: the exporters that the environment asks for.
//!
//! | file | what it reads |
//! |---|---|
//! | this one | `OTEL_TRACES_EXPORTER`: which exporters there are |
//! | `read.rs` | `OTEL_EXPORTER_OTLP_*`: the settings of the exporter for OTLP |
//! | `headers.rs` | the headers in one of them |

mod headers;
mod read;

use crate::console::Console;
use crate::file::OtlpFile;
use crate::format::Format;
use heirloom_core::export::{Exporter, TraceFile};
use heirloom_core::{environment, ConfigWarning, Extension, Settings};
use read::{has_endpoint, read, Problem, HARMLESS};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;

/// Looks up a variable.
type Variable = dyn Fn(&str) -> Option<OsString> + Send;

const EXPORTERS: &str = "OTEL_TRACES_EXPORTER";

/// The exporters that the environment asks for, as an extension of a tracer. The crate `heirloom` adds it to its `init` and
/// `builder` if its feature `otlp` is on.
///
/// | `OTEL_TRACES_EXPORTER` | what is added |
/// |---|---|
/// | not set | [`Otlp`](crate::Otlp) if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set, else nothing: no connection is tried |
/// | `otlp` | [`Otlp`](crate::Otlp) with the [settings of the environment](crate::OtlpBuilder), by default to `http://localhost:4318` |
/// | `console` | [`Console`]: finished spans on standard output, a line each |
/// | `none` | nothing, even if an endpoint is set |
/// | several, with commas between them | each of them; nothing if `none` is among them |
///
/// Any other name is reported. If a variable with the address, the headers, the protocol or a certificate can't be used, that is
/// reported, and no spans are sent: they must not go to another place or without their headers. Other variables that can't be used
/// are reported, and their defaults are used. In [strict](Settings::strict) mode, each of these is an error of the start.
///
/// It also adds two formats of the [trace file](heirloom_core::Builder::trace_file): a name that ends in `.otlp` or `.jsonl` makes
/// it an [`OtlpFile`].
///
/// Exporters that the program adds stay. In a program with more rights than its user, such as a setuid program,
/// `OTEL_TRACES_EXPORTER` and the endpoints are ignored, so nothing is added there.
///
/// ```
/// let guard = heirloom_core::builder("shop").extension(heirloom_otlp::FromEnv::new()).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub struct FromEnv {
    variable: Box<Variable>,
    exporters: Vec<Box<dyn Exporter>>,
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
        Self::from_variables(|name| environment::variable(name, HARMLESS))
    }

    /// The same for these variables instead of the environment's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString> + Send + 'static) -> Self {
        Self { variable: Box::new(variable), exporters: Vec::new() }
    }

    /// The exporter for OTLP, unless a variable can't be used without which no spans must be sent.
    fn otlp(&self, warnings: &mut Vec<ConfigWarning>) -> Option<Box<dyn Exporter>> {
        let (builder, problems) = read(&self.variable);
        let is_fatal = problems.iter().any(|problem| problem.is_fatal);
        warnings.extend(problems.iter().map(warning));
        let otlp = builder.build().ok().filter(|_| !is_fatal)?;
        Some(Box::new(otlp))
    }
}

impl Extension for FromEnv {
    fn check(&mut self, _: &Settings) -> Vec<ConfigWarning> {
        let mut warnings = Vec::new();
        let wanted = Wanted::read(&self.variable, &mut warnings);
        self.exporters.clear();
        if wanted.otlp {
            self.exporters.extend(self.otlp(&mut warnings));
        }
        if wanted.console {
            self.exporters.push(Box::new(Console::new()));
        }
        warnings
    }

    fn exporters(&mut self, _: &Settings) -> Vec<Box<dyn Exporter>> {
        std::mem::take(&mut self.exporters)
    }

    fn trace_file(&mut self, path: &Path) -> Option<io::Result<Box<dyn Exporter>>> {
        let format = Format::of_file(path)?;
        Some(TraceFile::create(path).map(|file| Box::new(OtlpFile::new(format, file)) as Box<dyn Exporter>))
    }
}

/// The exporters that the environment names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    otlp: bool,
    console: bool,
}

impl Wanted {
    fn read(variable: &dyn Fn(&str) -> Option<OsString>, warnings: &mut Vec<ConfigWarning>) -> Self {
        let text = variable(EXPORTERS).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        if text.trim().is_empty() {
            return Self { otlp: has_endpoint(variable), console: false };
        }
        let (mut wanted, mut none) = (Self::default(), false);
        for name in text.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            match name.as_str() {
                "otlp" => wanted.otlp = true,
                // The second is an older name.
                "console" | "logging" => wanted.console = true,
                "none" => none = true,
                "" => {}
                other => warnings.push(ConfigWarning::new(EXPORTERS, other, "otlp, console and none")),
            }
        }
        if none {
            Self::default()
        } else {
            wanted
        }
    }
}

fn warning(problem: &Problem) -> ConfigWarning {
    let error = &problem.error;
    let and = if problem.is_fatal { ", and no spans are sent" } else { "" };
    ConfigWarning::because(error.setting(), error.value(), format!("{and}: it takes {}", error.expected()))
}

#[cfg(test)]
mod tests;
