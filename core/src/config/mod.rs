//! [`Settings`]: the configuration of one tracer, from code and from the environment.

use crate::Sampler;
use std::path::PathBuf;
use std::time::Duration;

pub use capture::Capture;
#[cfg(feature = "capture")]
pub(crate) use deny::DenyList;
pub use difference::Difference;
pub use overload::Overload;
pub use warning::ConfigWarning;

mod capture;
mod check;
mod deny;
mod difference;
mod env;
mod overload;
mod resource;
mod warning;

/// The settings of one tracer.
///
/// [`Settings::default`] has the embedded defaults. [`Settings::from_env`] lets the environment override them. Values
/// that code assigns afterwards override both. An empty variable counts as one that isn't set. A value that can't be used
/// is reported as a [`ConfigWarning`] and ignored.
///
/// | field | variables | default |
/// |---|---|---|
/// | `service_name` | `OTEL_SERVICE_NAME`, else `service.name` of the next one | argument of `from_env` |
/// | `resource` | `OTEL_RESOURCE_ATTRIBUTES` | none |
/// | `disabled` | `OTEL_SDK_DISABLED` | false |
/// | `sampler` | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` ([names](Sampler)) | parentbased_always_on |
/// | `limits` | [its own table](Limits) | |
/// | `capture` | `HEIRLOOM_CAPTURE`, `HEIRLOOM_CAPTURE_MAX_BYTES` ([its own table](Capture)) | |
/// | `shard_bytes` | `HEIRLOOM_SHARD_BYTES` | 16 MiB |
/// | `ring_bytes` | `HEIRLOOM_RING_BYTES` | 64 MiB |
/// | `overload` | `HEIRLOOM_OVERLOAD` ([values](Overload)) | `wait` with a trace file, else `coarsen` |
/// | `complete` | | none |
/// | `queue_bytes` | `HEIRLOOM_QUEUE_BYTES` | 64 MiB |
/// | `max_open_spans_per_thread` | `HEIRLOOM_MAX_OPEN_SPANS` | 16384 |
/// | `export_delay` | `OTEL_BSP_SCHEDULE_DELAY` | 200 ms |
/// | `export_timeout` | `OTEL_BSP_EXPORT_TIMEOUT` | 30000 ms |
/// | `finish_timeout` | `HEIRLOOM_FINISH_TIMEOUT_MS` | 5000 ms |
/// | `drain_interval` | `HEIRLOOM_DRAIN_INTERVAL_MS` | 5 ms |
/// | `trace_file` | `HEIRLOOM_TRACE_FILE` | none |
/// | `strict` | `HEIRLOOM_STRICT` | false |
/// | `flush_on_panic` | `HEIRLOOM_FLUSH_ON_PANIC` | false |
/// | `sample` | `HEIRLOOM_SAMPLE` | true |
/// | `verify` | `HEIRLOOM_VERIFY` | false |
///
/// `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_PROPAGATORS` with other names than `tracecontext` and `baggage`, and variables whose names
/// begin with `HEIRLOOM_` and that nothing reads are warnings too. Exporters document their own variables.
///
/// Values are read as in [OpenTelemetry]: times are whole milliseconds; `OTEL_SDK_DISABLED` is true only for `true`, in
/// any case. The `HEIRLOOM_*` switches take `true`, `1`, `false` and `0`. Sizes are bytes, or have one of the suffixes
/// `KiB`, `MiB` and `GiB`.
///
/// [OpenTelemetry]: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
///
/// ```
/// use heirloom_core::{Sampler, Settings};
/// let environment = |name: &str| match name {
///     "OTEL_TRACES_SAMPLER" => Some("always_off".into()),
///     "HEIRLOOM_SHARD_BYTES" => Some("3 KiB".into()),
///     _ => None,
/// };
/// let (settings, warnings) = Settings::from_variables("thumbnailer", environment);
/// assert_eq!((settings.sampler, settings.shard_bytes), (Sampler::AlwaysOff, 16 << 20));
/// assert_eq!(
///     warnings[0].to_string(),
///     "HEIRLOOM_SHARD_BYTES=\"3 KiB\" is ignored: it takes a power of two from 64 KiB to 1 GiB",
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The resource attribute `service.name`: the origin of the traces.
    pub service_name: String,
    /// Other attributes of the resource. Each key occurs once, and `service.name` isn't among them.
    pub resource: Vec<(String, String)>,
    /// Record nothing. Contexts are still passed on.
    pub disabled: bool,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// The limits of one span.
    pub limits: Limits,
    /// The rules for captured values.
    pub capture: Capture,
    /// The largest size of each recording thread's ring, in bytes: a power of two from 64 KiB to 1 GiB. A thread that
    /// its collector follows uses about 64 KiB of it (1/256 of a ring above 16 MiB), and more only while the collector is
    /// behind. The rest is address space.
    pub shard_bytes: usize,
    /// What a thread does whose ring is full. `None`: it waits if there is a trace file, which should be whole, and coarsens
    /// otherwise, so that no thread of a service is held up.
    pub overload: Option<Overload>,
    /// The longest single wait of the mode `complete`. `None`: the mode is off. See
    /// [`Builder::complete`](crate::Builder::complete).
    pub complete: Option<Duration>,
    /// How much memory the rings of all threads may use together, in bytes: at least 1 MiB. A ring that can't grow for that
    /// reason is full, and [`Overload`] applies. Refused spans are counted in
    /// [`Transparent::ring_bytes`](crate::Transparent::ring_bytes). The first 16 KiB of each ring are always granted. A child
    /// process that records into this one has a separate bound of the same size.
    pub ring_bytes: usize,
    /// The most bytes in each exporter's queue, including what the exporter is working on: at least 64 KiB. See
    /// [`Builder::queue_bytes`](crate::Builder::queue_bytes).
    pub queue_bytes: usize,
    /// The most spans that one thread may have open: 1 to 1048576. Further ones are transparent, and counted.
    pub max_open_spans_per_thread: u32,
    /// How long a finished span may wait, so that more spans are exported with it.
    pub export_delay: Duration,
    /// How long one call of an exporter may take before it is reported. Its spans stay queued. In the environment, 0 is the longest
    /// time: 49 days.
    pub export_timeout: Duration,
    /// How long `finish` waits; 0 is no wait.
    pub finish_timeout: Duration,
    /// How long the collector sleeps between two passes over the shards: more than zero, at most 10 s.
    pub drain_interval: Duration,
    /// The path of a trace file to write.
    pub trace_file: Option<PathBuf>,
    /// Turns warnings into errors.
    pub strict: bool,
    /// Flush when a thread panics, for programs that abort on panic.
    pub flush_on_panic: bool,
    /// Samples the CPU time of threads and processes while records arrive ([`MarkKind::Cpu`](crate::mark::MarkKind::Cpu)): at most
    /// 20 times a second, on the collector's thread, at no more than half a percent of a core. On Linux only.
    pub sample: bool,
    /// Checks the exported spans: counts those whose parent isn't exported.
    pub verify: bool,
}

/// The limits of one span. What exceeds them is dropped and counted ([span limits]).
///
/// | field | variables, the first that is set | default |
/// |---|---|---|
/// | `attributes_per_span` | `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT` | 128 |
/// | `events_per_span` | `OTEL_SPAN_EVENT_COUNT_LIMIT` | 128 |
/// | `links_per_span` | `OTEL_SPAN_LINK_COUNT_LIMIT` | 128 |
/// | `attributes_per_event` | `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT` | 128 |
/// | `attributes_per_link` | `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT` | 128 |
/// | `attribute_value_chars` | `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` | none |
/// | `attribute_value_bytes` | | 65536 |
///
/// [span limits]: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// Attributes of a span.
    pub attributes_per_span: u32,
    /// Events of a span.
    pub events_per_span: u32,
    /// Links of a span.
    pub links_per_span: u32,
    /// Attributes of one event.
    pub attributes_per_event: u32,
    /// Attributes of one link.
    pub attributes_per_link: u32,
    /// Characters of a text value; `None` leaves only the limit in bytes.
    pub attribute_value_chars: Option<u32>,
    /// Bytes of a value, in addition to the limit in characters: values are copied through rings and queues of bounded
    /// size. At most a quarter of `shard_bytes`.
    pub attribute_value_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attributes_per_span: 128,
            events_per_span: 128,
            links_per_span: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
            attribute_value_chars: None,
            attribute_value_bytes: 64 << 10,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_name: unknown_service(),
            resource: Vec::new(),
            disabled: false,
            sampler: Sampler::default(),
            limits: Limits::default(),
            capture: Capture::default(),
            shard_bytes: 16 << 20,
            ring_bytes: 64 << 20,
            overload: None,
            complete: None,
            queue_bytes: 64 << 20,
            max_open_spans_per_thread: 16_384,
            export_delay: Duration::from_millis(200),
            export_timeout: Duration::from_secs(30),
            finish_timeout: Duration::from_secs(5),
            drain_interval: Duration::from_millis(5),
            trace_file: None,
            strict: false,
            flush_on_panic: false,
            sample: true,
            verify: false,
        }
    }
}

impl Settings {
    /// Replaces each field that is out of its range by its default, and returns a warning for each.
    ///
    /// `from_env` does this already. Call it for values that code assigned afterwards.
    ///
    /// ```
    /// let mut settings = heirloom_core::Settings::default();
    /// settings.shard_bytes = 1000;
    /// let warnings = settings.correct();
    /// assert_eq!(settings.shard_bytes, 16 << 20);
    /// assert_eq!(
    ///     warnings[0].to_string(),
    ///     "shard_bytes=\"1000\" is ignored: it takes a power of two from 64 KiB to 1 GiB",
    /// );
    /// ```
    pub fn correct(&mut self) -> Vec<ConfigWarning> {
        let default = Settings::default();
        let corrections = [
            check::SHARD_BYTES.correct("shard_bytes", &mut self.shard_bytes, default.shard_bytes),
            overload::OVERLOAD.correct_optional("overload", &mut self.overload),
            overload::COMPLETE.correct_optional("complete", &mut self.complete),
            check::RING_BYTES.correct("ring_bytes", &mut self.ring_bytes, default.ring_bytes),
            check::QUEUE_BYTES.correct("queue_bytes", &mut self.queue_bytes, default.queue_bytes),
            check::MAX_OPEN_SPANS.correct(
                "max_open_spans_per_thread",
                &mut self.max_open_spans_per_thread,
                default.max_open_spans_per_thread,
            ),
            check::DRAIN_INTERVAL.correct("drain_interval", &mut self.drain_interval, default.drain_interval),
        ];
        corrections.into_iter().flatten().collect()
    }
}

/// OpenTelemetry's name of a [service without a name]: `unknown_service:` and the name of the program.
///
/// [service without a name]: https://opentelemetry.io/docs/specs/semconv/resource/#service
fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    match program.as_deref().and_then(std::path::Path::file_name) {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_need_no_correction() {
        let mut settings = Settings::default();
        assert_eq!(settings.correct(), []);
        assert_eq!(settings, Settings::default());
        assert!(settings.service_name.starts_with("unknown_service:"), "{}", settings.service_name);
    }

    #[test]
    fn what_code_set_wrongly_is_corrected_and_reported() {
        let mut settings = Settings {
            shard_bytes: 3 << 20,
            overload: Some(Overload::Wait(Duration::MAX)),
            complete: Some(Duration::ZERO),
            ring_bytes: 1000,
            queue_bytes: 0,
            max_open_spans_per_thread: 0,
            drain_interval: Duration::ZERO,
            verify: true,
            ..Settings::default()
        };
        let warnings = settings.correct();
        let names: Vec<_> = warnings.iter().map(ConfigWarning::name).collect();
        let expected = [
            "shard_bytes",
            "overload",
            "complete",
            "ring_bytes",
            "queue_bytes",
            "max_open_spans_per_thread",
            "drain_interval",
        ];
        assert_eq!(names, expected);
        assert_eq!(settings, Settings { verify: true, ..Settings::default() });
    }
}
