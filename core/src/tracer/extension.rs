//! [`Extension`]: what a crate above this one adds to a tracer when it starts.

use crate::config::{ConfigWarning, Settings};
use crate::environment;
use crate::export::Exporter;
use std::fmt;
use std::io;
use std::path::Path;

/// Exporters that a crate above this one adds to a tracer when it starts: those that the environment asks for, and further formats
/// of the trace file.
///
/// The crate `heirloom` uses it for OTLP. Each function is called at most once for each start, on the thread that starts the
/// tracer. A start that finds the settings in use already, a tracer that records into its parent's region, and a
/// [disabled](Settings::disabled) one call none but [`check`](Self::check).
///
/// ```
/// use heirloom_core::export::{Exporter, Memory};
/// use heirloom_core::{builder, Extension, Settings};
///
/// /// Keeps the spans in memory if the program is a canary.
/// struct Canary(Memory);
/// impl Extension for Canary {
///     fn exporters(&mut self, settings: &Settings) -> Vec<Box<dyn Exporter>> {
///         let canary = settings.resource.iter().any(|(key, value)| key == "deployment" && value == "canary");
///         if canary { vec![Box::new(self.0.clone())] } else { Vec::new() }
///     }
/// }
/// let guard = builder("shop").extension(Canary(Memory::new())).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub trait Extension: Send + 'static {
    /// Settings of this extension that can't be used. They are reported like those of the tracer: as an error of the start in
    /// [strict](Settings::strict) mode, otherwise once.
    fn check(&mut self, settings: &Settings) -> Vec<ConfigWarning> {
        let _ = settings;
        Vec::new()
    }

    /// The variables of this extension whose names begin with `HEIRLOOM_`, so that none of them is reported as one that nothing
    /// reads.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Exporters beside those that the program added.
    fn exporters(&mut self, settings: &Settings) -> Vec<Box<dyn Exporter>> {
        let _ = settings;
        Vec::new()
    }

    /// The exporter that writes the trace file at this path. `None` if the path's ending isn't that of one of its formats. What
    /// can't be written is reported as for every trace file: see [`Builder::trace_file`](crate::Builder::trace_file).
    fn trace_file(&mut self, path: &Path) -> Option<io::Result<Box<dyn Exporter>>> {
        let _ = path;
        None
    }
}

/// The endings of trace files that only an extension writes, and the features of the crate `heirloom` that have it.
const ENDINGS: [(&str, &str); 3] =
    [("otlp", r#""otlp" or "report""#), ("jsonl", r#""otlp" or "report""#), ("html", r#""report""#)];

/// The variables that only an extension reads, and the feature of the crate `heirloom` that has it.
const VARIABLES: [(&str, &str); 2] = [("HEIRLOOM_TREE", "analysis"), ("HEIRLOOM_TRACE_BYTES", "report")];

/// The extensions of one tracer.
#[derive(Default)]
pub(super) struct Extensions(pub(super) Vec<Box<dyn Extension>>);

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({})", self.0.len())
    }
}

impl Extensions {
    pub(super) fn check(&mut self, settings: &Settings) -> Vec<ConfigWarning> {
        let mut warnings: Vec<_> = self.0.iter_mut().flat_map(|extension| extension.check(settings)).collect();
        warnings.extend(VARIABLES.iter().filter_map(|(name, feature)| self.missing(name, feature)));
        warnings
    }

    /// A variable that is set and that no extension reads.
    fn missing(&self, name: &'static str, feature: &str) -> Option<ConfigWarning> {
        if self.0.iter().any(|extension| extension.variables().contains(&name)) {
            return None;
        }
        environment::variable(name, &[]).filter(|value| !value.is_empty())?;
        let why = format!(": it needs the feature {feature:?} of the crate `heirloom`");
        Some(ConfigWarning::because(name, None, why))
    }

    pub(super) fn exporters(&mut self, settings: &Settings) -> Vec<Box<dyn Exporter>> {
        self.0.iter_mut().flat_map(|extension| extension.exporters(settings)).collect()
    }

    /// The exporter of a trace file in a format of an extension. `None`: it is a file in the format of this crate.
    ///
    /// # Errors
    /// The file can't be opened, or its ending is that of an extension that isn't there.
    pub(super) fn trace_file(&mut self, path: &Path) -> Option<io::Result<Box<dyn Exporter>>> {
        self.0.iter_mut().find_map(|extension| extension.trace_file(path)).or_else(|| {
            let ending = path.extension()?.to_str()?;
            let (_, features) = ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending))?;
            let why = format!("a file that ends in .{ending} needs the feature {features} of the crate `heirloom`");
            Some(Err(io::Error::new(io::ErrorKind::Unsupported, why)))
        })
    }
}
