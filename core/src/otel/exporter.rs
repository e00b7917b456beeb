//! [`OtelExporter`]: adapts any OpenTelemetry span exporter.

use super::span_data::Converter;
use super::worker::{poll_for, Failure, Seed, Worker};
use crate::export::{Delivery, ExportError, Exporter, Part, Resource};
use crate::text::plural;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::fmt::Display;
use std::time::Duration;

/// Sends finished spans to any [`opentelemetry_sdk::trace::SpanExporter`].
///
/// The exporter runs on a dedicated thread, in the context of a dedicated tokio runtime. So its client may be
/// asynchronous or blocking, and the program needs no runtime. The thread and the runtime (one more thread) start with
/// the first batch and end with `shutdown` or drop.
///
/// | setting | default | as OpenTelemetry's |
/// |---|---|---|
/// | [`timeout`](Self::timeout) | 30 s | `OTEL_BSP_EXPORT_TIMEOUT` |
/// | [`max_export_batch_size`](Self::max_export_batch_size) | 512 spans | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` |
/// | [`named`](Self::named) | `opentelemetry` | |
/// # Failures
/// # What goes wrong, and what then
///
/// | the exporter | its spans | the exporter afterwards |
/// |---|---|---|
/// | returns an error | rejected, with that error | is called with the next chunk |
/// | panics | rejected, with the panic's text | is kept and called with the next chunk |
/// | returns a future that isn't ready at the deadline | rejected; the future is dropped | is called with the next chunk |
/// | blocks its thread beyond the deadline | rejected, as is the rest of the delivery | is not called until it returns |
///
/// Rejected spans are counted and not sent again: an exporter that wants retries does them itself. A backend may have
/// received spans that are counted as rejected (the answer came too late). No span that is counted as delivered was
/// rejected, with one exception: a *partial success*, which OpenTelemetry's exporters log and report as a success.
///
/// ```
/// use heirloom_core::otel::OtelExporter;
/// # #[derive(Debug)]
/// # struct MyExporter;
/// # impl opentelemetry_sdk::trace::SpanExporter for MyExporter {
/// #     async fn export(&self, _: Vec<opentelemetry_sdk::trace::SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
/// #         Ok(())
/// #     }
/// # }
/// use std::time::Duration;
///
/// let exporter = OtelExporter::new(MyExporter).timeout(Duration::from_secs(10)).named("my backend");
/// ```
pub struct OtelExporter<E> {
    state: State<E>,
    settings: Settings,
    /// The resource that the exporter has.
    resource: Option<Resource>,
}

struct Settings {
    timeout: Duration,
    max_export_batch_size: usize,
    name: String,
}

enum State<E> {
    /// Not started.
    Idle(Seed<E>),
    Running(Worker<E>),
    ShutDown,
}

impl<E: SpanExporter + 'static> OtelExporter<E> {
    /// The default of [`timeout`](Self::timeout): OpenTelemetry's.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
    /// The default of [`max_export_batch_size`](Self::max_export_batch_size), in spans: OpenTelemetry's.
    pub const DEFAULT_MAX_EXPORT_BATCH_SIZE: usize = 512;

    /// Sends to this exporter. Starts nothing yet, and may be called anywhere, also inside an asynchronous runtime.
    pub fn new(exporter: E) -> Self {
        Self::from_seed(Box::new(move || Ok(exporter)))
    }

    /// Sends to the exporter that `make` returns. `make` is called on the exporter's thread, in the context of its
    /// runtime. Use it for exporters that bind themselves to the runtime in whose context they are made, such as those
    /// for gRPC (`OtelExporter::build(|| SpanExporter::builder().with_tonic().build())`). If such an exporter is made in
    /// the program's runtime, it hangs as soon as that runtime waits for it or has ended.
    ///
    /// # Errors
    ///
    /// `make` failed or panicked, or took longer than [`DEFAULT_TIMEOUT`](Self::DEFAULT_TIMEOUT).
    ///
    /// ```
    /// # use heirloom_core::otel::OtelExporter;
    /// # #[derive(Debug)]
    /// # struct MyExporter(tokio::runtime::Handle);
    /// # impl opentelemetry_sdk::trace::SpanExporter for MyExporter {
    /// #     async fn export(&self, _: Vec<opentelemetry_sdk::trace::SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
    /// #         Ok(())
    /// #     }
    /// # }
    /// let exporter = OtelExporter::build(|| tokio::runtime::Handle::try_current().map(MyExporter))?;
    /// # Ok::<(), heirloom_core::export::ExportError>(())
    /// ```
    pub fn build<R: Display>(make: impl FnOnce() -> Result<E, R> + Send + 'static) -> Result<Self, ExportError> {
        let mut exporter = Self::from_seed(Box::new(move || make().map_err(|error| error.to_string())));
        let timeout = exporter.settings.timeout;
        let made = exporter.worker().and_then(|worker| worker.ready(timeout));
        made.map_err(|failure| {
            ExportError::new(format!("the OpenTelemetry exporter could not be made: {}", failure.reason()))
        })?;
        Ok(exporter)
    }

    fn from_seed(seed: Seed<E>) -> Self {
        let settings = Settings {
            timeout: Self::DEFAULT_TIMEOUT,
            max_export_batch_size: Self::DEFAULT_MAX_EXPORT_BATCH_SIZE,
            name: "opentelemetry".into(),
        };
        Self { state: State::Idle(seed), settings, resource: None }
    }

    /// How long one attempt to send one chunk, each flush and the shutdown may take. The wait for an exporter that blocks
    /// is one second longer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The most spans that the exporter gets in one call. Zero means the default.
    pub fn max_export_batch_size(mut self, spans: usize) -> Self {
        self.settings.max_export_batch_size = if spans == 0 { Self::DEFAULT_MAX_EXPORT_BATCH_SIZE } else { spans };
        self
    }

    /// The name in messages and in the ledger.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// The running worker; starts it if necessary.
    fn worker(&mut self) -> Result<&mut Worker<E>, Failure> {
        self.start()?;
        match &mut self.state {
            State::Running(worker) => Ok(worker),
            State::Idle(_) | State::ShutDown => Err(Failure::Failed("the exporter was shut down".into())),
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let (state, result) = match std::mem::replace(&mut self.state, State::ShutDown) {
            State::Idle(seed) => match Worker::start(seed) {
                Ok(worker) => (State::Running(worker), Ok(())),
                Err((seed, reason)) => (State::Idle(seed), Err(Failure::Failed(reason))),
            },
            other => (other, Ok(())),
        };
        self.state = state;
        result
    }

    fn call(&mut self, job: impl FnOnce(&mut E) -> Result<(), String> + Send + 'static) -> Result<(), Failure> {
        let timeout = self.settings.timeout;
        self.worker()?.call(timeout, move |held| held.as_mut().map_or_else(never_made, job))
    }

    /// Sets the exporter's resource to that of the next spans, if it is another one.
    fn set_resource(&mut self, resource: &Resource) -> Result<(), Failure> {
        if self.resource.as_ref() == Some(resource) {
            return Ok(());
        }
        self.resource = None;
        let otel = otel_resource(resource);
        self.call(move |exporter| {
            exporter.set_resource(&otel);
            Ok(())
        })?;
        self.resource = Some(resource.clone());
        Ok(())
    }

    fn send(&mut self, chunk: Vec<SpanData>) -> Result<(), Failure> {
        let timeout = self.settings.timeout;
        self.call(move |exporter| match poll_for(timeout, exporter.export(chunk)) {
            Some(result) => result.map_err(|error| error.to_string()),
            None => Err(format!("the exporter did not finish within its deadline ({timeout:?}) and was interrupted")),
        })
    }

    /// Sends all chunks. A chunk has spans of one resource. After a failed one the next is tried, unless the thread is blocked.
    fn send_all(&mut self, delivery: &Delivery, losses: &mut Losses) {
        let mut left = delivery.len();
        let mut parts = delivery.parts().peekable();
        while let Some(part) = parts.next() {
            let resource = part.resource();
            let converter = Converter::new(resource);
            let more = std::iter::from_fn(|| parts.next_if(|next| next.resource() == resource));
            let mut spans = std::iter::once(part).chain(more).flat_map(Part::spans).peekable();
            while spans.peek().is_some() {
                let chunk = spans.by_ref().take(self.settings.max_export_batch_size);
                let chunk: Vec<_> = chunk.map(|span| converter.span(span)).collect();
                let len = chunk.len();
                let sent = self.set_resource(resource).and_then(|()| self.send(chunk));
                match sent {
                    Ok(()) => {}
                    Err(Failure::Failed(reason)) => losses.add(len, reason),
                    Err(Failure::Blocked(reason)) => return losses.add(left, reason),
                }
                left -= len;
            }
        }
    }

    fn error(&self, what: &str, failure: &Failure) -> ExportError {
        ExportError::new(format!("{}: {what} failed: {}", self.settings.name, failure.reason()))
    }
}

/// Spans that were not delivered, and the first reason.
#[derive(Default)]
struct Losses {
    spans: usize,
    times: usize,
    first_reason: String,
}

impl Losses {
    fn add(&mut self, spans: usize, reason: String) {
        if self.times == 0 {
            self.first_reason = reason;
        }
        self.spans += spans;
        self.times += 1;
    }

    fn into_result(self, name: &str, len: usize) -> Result<(), ExportError> {
        let Self { spans, times, first_reason } = self;
        if times == 0 {
            return Ok(());
        }
        let more = if times > 1 { format!(" (the first of {times} failures)") } else { String::new() };
        let (noun, verb) = (plural(len as u64, "span", "spans"), plural(spans as u64, "was", "were"));
        let message = format!("{name}: {spans} of {len} {noun} {verb} not delivered: {first_reason}{more}");
        Err(ExportError::partial(spans as u64, message))
    }
}

impl<E: SpanExporter + 'static> Exporter for OtelExporter<E> {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let mut losses = Losses::default();
        self.send_all(delivery, &mut losses);
        losses.into_result(&self.settings.name, delivery.len())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if let State::Idle(_) = self.state {
            return Ok(());
        }
        let flushed = self.call(|exporter| exporter.force_flush().map_err(|error| error.to_string()));
        flushed.map_err(|failure| self.error("flush", &failure))
    }

    /// Calls the exporter's `shutdown` and drops it. Later calls are errors; a second shutdown does nothing.
    ///
    /// It calls `shutdown` and not `shutdown_with_timeout`, because an exporter may implement either one, and by default
    /// only the former calls the latter. The deadline holds in any case.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        if let State::ShutDown = self.state {
            return Ok(());
        }
        let timeout = self.settings.timeout;
        let last = |held: &mut Option<E>| {
            let exporter = held.take();
            exporter.map_or_else(never_made, |exporter| exporter.shutdown().map_err(|error| error.to_string()))
        };
        let done = self.worker().and_then(|worker| worker.call(timeout, last));
        self.state = State::ShutDown;
        done.map_err(|failure| self.error("shutdown", &failure))
    }

    fn name(&self) -> &str {
        &self.settings.name
    }
}

fn never_made() -> Result<(), String> {
    Err("the exporter could not be made".into())
}

fn otel_resource(resource: &Resource) -> opentelemetry_sdk::Resource {
    let attributes = resource.attributes.iter();
    let attributes = attributes.map(|(key, value)| opentelemetry::KeyValue::new(key.clone(), value.clone()));
    opentelemetry_sdk::Resource::builder_empty().with_attributes(attributes).build()
}
