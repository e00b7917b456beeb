//! Settings and exporters, and how a tracer starts.

use super::extension::{Extension, Extensions};
use super::guard::{self, Guard};
use super::{region, Tracer};
use crate::clock::{Clock, ManualClock};
use crate::collector;
use crate::config::{ConfigWarning, Difference, Overload, Settings};
use crate::diagnostics::{Callback, Cause, Destination, Diagnostic, Level, REPORT_EVERY};
use crate::export::{Chrome, Exporter, Resource, Unwritable, Verify};
use crate::pipeline::{self, Collector, Complete, Outputs, Queue, QueueSettings, Shared};
use crate::shard::Sizes;
use crate::shm::Attachment;
use crate::{dictionary, sys, Capture, Sampler, Value};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a tracer did not start.
///
/// `Debug` writes the same text as `Display`, since that is what a `main` that returns the error prints.
#[non_exhaustive]
pub enum InitError {
    /// A global tracer with other settings runs already. It continues to run.
    Conflict(Difference),
    /// A global tracer runs already, and this call has exporters. They can't be added to a running tracer.
    Exporters,
    /// Settings that can't be used, in strict mode.
    Settings(Vec<ConfigWarning>),
    /// The trace file can't be written, in strict mode.
    TraceFile(PathBuf, io::Error),
    /// A thread could not be started.
    Thread(io::Error),
    /// There are 4,096 tracers already.
    TooMany,
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitError::Conflict(difference) => {
                write!(
                    f,
                    "a global tracer runs already, with another setting: {difference}; \
                     finish it first, or start a separate tracer with `Builder::start`"
                )
            }
            InitError::Exporters => f.write_str(
                "a global tracer runs already, so exporters can't be added: \
                 give them to the first `init`, or start a separate tracer with `Builder::start`",
            ),
            InitError::Settings(warnings) => {
                f.write_str("strict mode: ")?;
                for (i, warning) in warnings.iter().enumerate() {
                    write!(f, "{}{warning}", if i == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            InitError::TraceFile(path, error) => write!(f, "can't write the trace file {path:?}: {error}"),
            InitError::Thread(error) => write!(f, "can't start a thread of the tracer: {error}"),
            InitError::TooMany => f.write_str("there are 4096 tracers already; finish some"),
        }
    }
}

impl std::error::Error for InitError {}

/// Settings of a tracer before it starts.
///
/// They start with the embedded defaults and the environment's overrides ([`Settings::from_env`]). The methods of this
/// type override both.
///
/// ```
/// use heirloom_core::{builder, export::Memory, Sampler};
/// let memory = Memory::new();
/// let guard = builder("thumbnailer")
///     .sampler(Sampler::TraceIdRatio(1.0))
///     .shard_bytes(4 << 20)
///     .exporter(memory.clone())
///     .start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[must_use = "a builder does nothing until `init` or `start`"]
pub struct Builder {
    settings: Settings,
    warnings: Vec<ConfigWarning>,
    exporters: Vec<Box<dyn Exporter>>,
    extensions: Extensions,
    clock: Clock,
    /// A ring size outside of the limits of the settings, for tests.
    test_ring: Option<usize>,
    on_diagnostic: Option<Callback>,
    /// The shortest time between two reports of the same cause, shorter in tests.
    report_every: Duration,
    /// A test's tracer: what a program is told to change isn't reported.
    is_test: bool,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.exporters.iter().map(|e| e.name()).collect();
        f.debug_struct("Builder").field("settings", &self.settings).field("exporters", &names).finish()
    }
}

/// Settings for a tracer of the service with this name, with the environment's overrides.
pub fn builder(service_name: &str) -> Builder {
    let (settings, warnings) = Settings::from_env(service_name);
    Builder {
        settings,
        warnings,
        exporters: Vec::new(),
        extensions: Extensions::default(),
        clock: Clock::System,
        test_ring: None,
        on_diagnostic: None,
        report_every: REPORT_EVERY,
        is_test: false,
    }
}

/// Starts the global tracer with the embedded defaults and the environment's overrides.
///
/// Keep the guard: its `finish` (or its drop) ends the tracer. `finish` returns what became of every span. Call it before
/// `exec`, which replaces the program without a call of its exit handlers: see [`Guard`].
///
/// The child of a `fork` has no tracer: its handles are inert until it calls this. It then has its own tracer, with its own
/// threads; its parent's guards and tracers stay inert there, and a context of its parent's spans is a remote parent. The
/// environment, which this reads, must not be changed by another thread of the parent at the moment of the fork.
///
/// ```
/// let guard = heirloom_core::init("thumbnailer")?;
/// heirloom_core::in_root("work", |_| ());
/// println!("{}", guard.finish());
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
///
/// # Errors
/// A global tracer runs already with other settings. In strict mode also: a setting can't be used, or the trace file can't be
/// written. A second call with the same settings is no error: both guards are for the same tracer, which ends with the last
/// of them.
pub fn init(service_name: &str) -> Result<Guard, InitError> {
    builder(service_name).init()
}

impl Builder {
    /// Replaces the environment's settings by these.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self.warnings.clear();
        self
    }

    /// Adds a destination of finished spans. It gets its own queue and thread.
    pub fn exporter(mut self, exporter: impl Exporter) -> Self {
        self.exporters.push(Box::new(exporter));
        self
    }

    /// Adds what a crate above this one has to add: see [`Extension`].
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.extensions.0.push(Box::new(extension));
        self
    }

    /// Writes a trace file, locked, and readable for its owner only. If the file has a writer already, this tracer's is called
    /// `name-PID-N.ext`. The ending of the name decides the format:
    ///
    /// | ending | format | needs |
    /// |---|---|---|
    /// | `.otlp` | OTLP in protobuf, each request after its length | the crate `heirloom` with the feature `otlp` or `report` |
    /// | `.jsonl` | OpenTelemetry's file format, OTLP in JSON, one request a line | the same |
    /// | `.html` | a report, made when the tracer finishes | the crate `heirloom` with the feature `report` |
    /// | any other | what Perfetto and `chrome://tracing` open, as [`Chrome::create`] writes it | |
    ///
    /// If the file can't be written, the tracer starts all the same: the reason is reported on standard error, and the
    /// ledger counts every span as dropped by the exporter `trace file`. In [strict](Settings::strict) mode the start fails
    /// with [`InitError::TraceFile`]. A program that must know calls `Chrome::create` itself, and gives the result to
    /// [`exporter`](Self::exporter).
    pub fn trace_file(mut self, path: impl AsRef<Path>) -> Self {
        self.settings.trace_file = Some(path.as_ref().to_owned());
        self
    }

    /// Sets which traces are recorded. Default: `ParentBased(AlwaysOn)`.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.settings.sampler = sampler;
        self
    }

    /// Sets what is done with captured values: whether any are recorded, how long they may be, which keys are hidden, a
    /// mask.
    pub fn capture(mut self, capture: Capture) -> Self {
        self.settings.capture = capture;
        self
    }

    /// The largest size of each thread's ring, in bytes: a power of two from 64 KiB to 1 GiB. Default: 16 MiB. A thread
    /// that its collector follows uses about 64 KiB of it: see [`Settings::shard_bytes`].
    pub fn shard_bytes(mut self, bytes: usize) -> Self {
        self.settings.shard_bytes = bytes;
        self
    }

    /// What a thread does whose ring is full: go on without a record, or wait for the collector for a short time. See
    /// [`Overload`] for both, and for what a wait may hold up. Default: it waits for up to 20 ms if there is a
    /// trace file, and goes on at once otherwise.
    pub fn overload(mut self, overload: Overload) -> Self {
        self.settings.overload = Some(overload);
        self
    }

    /// Drops nothing until a wait reaches the deadline. For offline runs whose traces must be whole and whose time doesn't
    /// matter.
    ///
    /// A thread that finds no room waits for the collector, and the collector waits for room in the exporters' queues.
    /// So a slow exporter slows the program down. Each wait lasts at most `deadline` (more than zero, at most one hour). The
    /// first wait that reaches it ends the mode for the rest of the run. Then [`overload`](Self::overload) applies again and a
    /// full queue refuses spans, counted. The end of the mode is reported once while the program runs
    /// ([`Cause::NotComplete`]), and by [`Report`](crate::Report).
    ///
    /// What an exporter itself loses (an error, a panic) is lost as always. `flush`
    /// and `finish` keep their deadlines: give [`finish_timeout`](Self::finish_timeout) the time that the slowest exporter
    /// needs for a full queue.
    ///
    /// An exporter must not wait for a thread that records, since that thread may wait for the exporter. On its own thread
    /// nothing is recorded. A thread that it starts must call [`never_record_here`](crate::never_record_here) first, as
    /// Heirloom's own exporters do. On a thread without this mark, the deadline ends such a circle.
    ///
    /// ```
    /// use heirloom_core::{builder, export::Memory};
    /// use std::time::Duration;
    /// let memory = Memory::new();
    /// let guard = builder("nightly").exporter(memory.clone()).complete(Duration::from_secs(30)).start()?;
    /// (0..10_000).for_each(|_| guard.tracer().root("row").end());
    /// let report = guard.finish_within(Duration::from_secs(60));
    /// assert!(report.is_complete() && memory.len() == 10_000, "{report}");
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn complete(mut self, deadline: Duration) -> Self {
        self.settings.complete = Some(deadline);
        self
    }

    /// How much memory the rings of all threads may use together, in bytes: at least 1 MiB. Default: 64 MiB. See
    /// [`Settings::ring_bytes`].
    ///
    /// ```
    /// // Two threads, each with a burst of up to 256 MiB that the collector reads later.
    /// let guard = heirloom_core::builder("replay").shard_bytes(256 << 20).ring_bytes(512 << 20).start()?;
    /// # drop(guard);
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn ring_bytes(mut self, bytes: usize) -> Self {
        self.settings.ring_bytes = bytes;
        self
    }

    /// The most bytes in each exporter's queue, including what the exporter is working on. Default: 64 MiB.
    ///
    /// From 60 % of it on, leaves are refused; above 80 % also a growing share of the traces that begin then; above 100 % spans are
    /// kept without their attributes, up to 110 %. Half of it is reserved in equal parts for this process and each attached child.
    /// [`Dropped`](crate::Dropped) has the counts.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.queue_bytes = bytes;
        self
    }

    /// The longest time that `finish` waits until every span is delivered. Default: 5 s. An exporter may have a
    /// [separate time](crate::export::Exporter::shutdown_timeout) for its last step after that, such as writing a report.
    pub fn finish_timeout(mut self, timeout: Duration) -> Self {
        self.settings.finish_timeout = timeout;
        self
    }

    /// Counts orphans: spans whose parent was never exported. Costs 16 bytes for each span whose parent is still open.
    pub fn verify(mut self, verify: bool) -> Self {
        self.settings.verify = verify;
        self
    }

    /// How long a finished span may wait, so that more spans are exported with it. Default: 200 ms.
    pub fn export_delay(mut self, delay: Duration) -> Self {
        self.settings.export_delay = delay;
        self
    }

    /// Passes this tracer's messages to `callback` instead of the crate `log` or standard error: settings that can't be
    /// used, losses, exporters that fail. A later call replaces the callback.
    ///
    /// It is called on a separate thread, `heirloom-diagnostics`, one call at a time. It may block, panic, take any lock
    /// and call any function of this crate: messages wait meanwhile (64 at most, the rest is counted), and nothing else
    /// does. What it records is not recorded, and `flush` and `finish` return at once with an error there. The end of the
    /// tracer waits for it at most 100 ms. A message on which it panics is written to standard error.
    ///
    /// Each tracer has its own callback, for its own messages. That of the global tracer gets the messages of code that
    /// works for no tracer too. A second `init` with the same settings shares the running tracer and its callback; the
    /// second callback is dropped, with a message to the first.
    ///
    /// ```
    /// use heirloom_core::diagnostics::Cause;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// static FAILED_EXPORTS: AtomicU64 = AtomicU64::new(0);
    /// let guard = heirloom_core::builder("thumbnailer")
    ///     .on_diagnostic(|diagnostic| {
    ///         if diagnostic.cause() == Cause::ExportFailed {
    ///             FAILED_EXPORTS.fetch_add(1, Relaxed);
    ///         }
    ///         eprintln!("{:?}: {diagnostic}", diagnostic.level());
    ///     })
    ///     .start()?;
    /// # drop(guard);
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn on_diagnostic(mut self, callback: impl FnMut(&Diagnostic) + Send + 'static) -> Self {
        self.on_diagnostic = Some(Box::new(callback));
        self
    }

    /// The tracer of a test.
    pub(crate) fn for_test(mut self) -> Self {
        self.is_test = true;
        self
    }

    pub(crate) fn report_every(mut self, every: Duration) -> Self {
        self.report_every = every;
        self
    }

    pub(crate) fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Clock::Manual(clock);
        self
    }

    pub(crate) fn test_ring(mut self, bytes: usize) -> Self {
        self.test_ring = Some(bytes);
        self
    }

    /// Starts the global tracer.
    ///
    /// In a process for which its parent made a region, the tracer records into that region. It then has no collector and
    /// no exporter (those given here are not used), and the parent's ledger counts its spans.
    ///
    /// # Errors
    /// As [`init`].
    pub fn init(mut self) -> Result<Guard, InitError> {
        let mut notes = Vec::new();
        let destination = self.check()?;
        let guard = self.init_with(&destination, &mut notes);
        let destination = guard.as_ref().map_or(destination, |guard| guard.tracer().shared().diagnostics.clone());
        notes.into_iter().for_each(|note| destination.report(note));
        let guard = guard?;
        guard::install_hooks(guard.tracer().shared().settings.flush_on_panic);
        Ok(guard)
    }

    /// As `init`, under the lock of the global tracer. So messages are added to `notes`.
    fn init_with(self, destination: &Destination, notes: &mut Vec<Diagnostic>) -> Result<Guard, InitError> {
        let mut global = guard::global();
        if let Some(running) = global.tracer.clone().filter(|tracer| !tracer.shared().is_closed()) {
            let guard = self.share(running, destination, notes)?;
            global.guards += 1;
            return Ok(guard);
        }
        let region = if self.settings.disabled { None } else { region::find(notes) };
        let tracer = match region {
            Some(region) => self.attach_to_parent(region, destination, notes)?,
            None => self.spawn(destination)?,
        };
        if !tracer.shared().settings.disabled {
            pipeline::set_global(tracer.shared());
        }
        destination.set_global();
        *global = guard::Global { tracer: Some(tracer.clone()), guards: 1 };
        Ok(Guard::global(tracer))
    }

    /// Starts a tracer beside the global one.
    ///
    /// # Errors
    /// As [`init`], except that no other tracer can conflict.
    pub fn start(mut self) -> Result<Guard, InitError> {
        let destination = self.check()?;
        self.spawn(&destination).map(Guard::own)
    }

    /// Starts a tracer beside the global one, in a region.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn start_in(self, region: Attachment) -> Result<Guard, InitError> {
        let mut notes = Vec::new();
        let guard = self.attach_to_parent(region, &Destination::default(), &mut notes).map(Guard::own);
        notes.into_iter().for_each(|note| Destination::default().report(note));
        guard
    }

    /// Starts a tracer beside the global one that has no threads: the owner of the returned collector makes its passes.
    /// It has no exporters, and lives as long as the process.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn start_by_hand(mut self) -> Result<(Tracer, collector::ByHand), InitError> {
        let diagnostics = self.check()?;
        let complete = self.settings.complete.map(Complete::new);
        let outputs = Outputs { diagnostics, complete, ..Outputs::default() };
        let resource = Arc::new(resource(&self.settings));
        let made = pipeline::add(|key| Ok(Arc::new(self.shared(key, None, outputs))));
        let shared = made.unwrap_or(Err(InitError::TooMany))?;
        Ok((Tracer::new(Arc::clone(&shared)), collector::ByHand::new(shared, resource)))
    }

    /// Another guard for the tracer that runs, if the settings are the same.
    fn share(
        self,
        running: Tracer,
        destination: &Destination,
        notes: &mut Vec<Diagnostic>,
    ) -> Result<Guard, InitError> {
        if let Some(difference) = running.shared().settings.difference(&self.settings) {
            return Err(InitError::Conflict(difference));
        }
        if !self.exporters.is_empty() {
            return Err(InitError::Exporters);
        }
        if destination.has_callback() {
            let message =
                "a global tracer runs already and is shared: the callback `on_diagnostic` of this `init` is not \
                           used; give it to the first `init`";
            notes.push(Diagnostic::new(Level::Warn, Cause::Setting, message));
        }
        Ok(Guard::global(running))
    }

    /// Corrects settings that are out of range. Each is reported once; in strict mode, as an error. Returns where the
    /// tracer's messages go.
    fn check(&mut self) -> Result<Destination, InitError> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(self.settings.correct());
        warnings.extend(self.extensions.check(&self.settings));
        if self.settings.strict && !warnings.is_empty() {
            return Err(InitError::Settings(warnings));
        }
        let destination = Destination::new(self.on_diagnostic.take(), self.report_every);
        for warning in warnings {
            destination.report(Diagnostic::new(Level::Warn, Cause::Setting, warning.to_string()));
        }
        Ok(destination)
    }

    fn spawn(mut self, destination: &Destination) -> Result<Tracer, InitError> {
        let diagnostics = destination.clone();
        if self.settings.disabled {
            let outputs = Outputs { diagnostics, ..Outputs::default() };
            return Ok(Tracer::new(Arc::new(self.shared(0, None, outputs))));
        }
        guard::begin();
        self.exporters.extend(self.extensions.exporters(&self.settings));
        if let Some(path) = self.settings.trace_file.clone() {
            let exporter = self.open_trace_file(path, destination)?;
            self.exporters.push(exporter);
        }
        let verify = self.settings.verify.then(Verify::new);
        self.exporters.extend(verify.clone().map(|verify| Box::new(verify) as Box<dyn Exporter>));
        let complete = self.settings.complete.map(Complete::new);
        let resource = Arc::new(resource(&self.settings));
        let bounds = QueueSettings {
            max_bytes: self.settings.queue_bytes,
            attempt_timeout: self.settings.export_timeout,
            diagnostics: diagnostics.clone(),
            complete: complete.clone(),
            own: Arc::downgrade(&resource),
        };
        let exporters = std::mem::take(&mut self.exporters);
        let queues: io::Result<Vec<_>> = exporters.into_iter().map(|e| Queue::start(e, bounds.clone())).collect();
        let queues = queues.map_err(InitError::Thread)?;
        let reports_implicit_roots = self.settings.verify && !self.is_test;
        let outputs = Outputs { queues, verify, reports_implicit_roots, diagnostics, complete };
        let made = pipeline::add(|key| {
            let shared = Arc::new(self.shared(key, None, outputs));
            let thread = collector::start(Arc::clone(&shared), resource).map_err(InitError::Thread)?;
            shared.wake.set(Collector::Here(thread.thread().clone()));
            Ok(shared)
        });
        made.unwrap_or(Err(InitError::TooMany)).map(Tracer::new)
    }

    /// Tracing doesn't fail the program: without its file the tracer starts, and its spans are counted as dropped.
    fn open_trace_file(&mut self, path: PathBuf, destination: &Destination) -> Result<Box<dyn Exporter>, InitError> {
        let ours = || Chrome::open(&path).map(|chrome| Box::new(chrome) as Box<dyn Exporter>);
        let error = match self.extensions.trace_file(&path).unwrap_or_else(ours) {
            Ok(exporter) => return Ok(exporter),
            Err(error) => InitError::TraceFile(path, error),
        };
        if self.settings.strict {
            return Err(error);
        }
        let message = format!("{error}; its spans are counted as dropped");
        destination.report(Diagnostic::new(Level::Warn, Cause::TraceFile, message));
        Ok(Box::new(Unwritable::new(error.to_string())))
    }

    /// Starts a tracer that records into the region of this process's parent.
    fn attach_to_parent(
        self,
        region: Attachment,
        destination: &Destination,
        notes: &mut Vec<Diagnostic>,
    ) -> Result<Tracer, InitError> {
        guard::begin();
        let region = Arc::new(region);
        let names = Arc::clone(&region);
        if !dictionary::publish_to(Box::new(move |name| names.add_name(name)), Attachment::MAX_NAME_BYTES) {
            let message = "this process has more static names than its parent's region has room for: \
                           it records separately, and its spans are not in the parent's exports";
            notes.push(Diagnostic::new(Level::Warn, Cause::NotAttached, message));
            return self.spawn(destination);
        }
        let complete = self.settings.complete.map(Complete::new);
        let outputs = Outputs { diagnostics: destination.clone(), complete, ..Outputs::default() };
        let resource = resource(&self.settings);
        region.set_resource(resource.attributes.iter().filter_map(|(key, value)| Some((&**key, value.as_str()?))));
        let made = pipeline::add(|key| {
            let shared = Arc::new(self.shared(key, Some(Arc::clone(&region)), outputs));
            shared.control.stop();
            shared.wake.set(Collector::InParent(region));
            Ok(shared)
        });
        made.unwrap_or(Err(InitError::TooMany)).map(Tracer::new)
    }

    fn shared(self, key: u32, parent: Option<Arc<Attachment>>, outputs: Outputs) -> Shared {
        let sizes = Sizes {
            bytes: self.test_ring.unwrap_or(self.settings.shard_bytes) as u64,
            max_open: u64::from(self.settings.max_open_spans_per_thread),
            max_value_bytes: u32::try_from(self.settings.limits.attribute_value_bytes).unwrap_or(u32::MAX),
        };
        Shared::new(key, self.settings, self.clock, sizes, parent, outputs)
    }
}

/// The producer of the spans, as an OpenTelemetry resource.
fn resource(settings: &Settings) -> Resource {
    let mut attributes: Vec<(Cow<'static, str>, Value<'static>)> = vec![
        ("service.name".into(), settings.service_name.clone().into()),
        ("process.pid".into(), i64::from(sys::process_id()).into()),
        ("telemetry.sdk.name".into(), "heirloom".into()),
        ("telemetry.sdk.language".into(), "rust".into()),
        ("telemetry.sdk.version".into(), env!("CARGO_PKG_VERSION").into()),
    ];
    let program = std::env::current_exe().ok();
    if let Some(name) = program.as_deref().and_then(Path::file_name) {
        attributes.push(("process.executable.name".into(), name.to_string_lossy().into_owned().into()));
    }
    let cpus = sys::machine::usable_cpus().map(Value::from);
    let cores = sys::machine::physical_cores().map(|cores| Value::from(i64::from(cores)));
    attributes.extend(cpus.map(|cpus| ("heirloom.cpus".into(), cpus)));
    attributes.extend(cores.map(|cores| ("heirloom.cores".into(), cores)));
    for (key, value) in &settings.resource {
        attributes.retain(|(known, _)| known != key);
        attributes.push((key.clone().into(), value.clone().into()));
    }
    Resource { attributes }
}
