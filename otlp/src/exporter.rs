//! [`Otlp`]: the exporter.

use crate::config::{ConfigError, OtlpBuilder};
use crate::encode::{Mapping, Plain};
use crate::transport::{self, Response, Transport};
use heirloom_core::export::{Delivery, ExportError, Exporter};
use std::time::Duration;

/// The transport has a deadline for each request. Its queue needs none for a delivery, which may wait until a backend is back.
const NO_DEADLINE: Duration = Duration::from_secs(365 * 24 * 3600);

/// Sends finished spans to a backend that takes OTLP over HTTP: a collector, or a backend's own endpoint.
///
/// One request is sent at a time. It has as many spans as are waiting, of one process or several, up to
/// [`max_request_bytes`](OtlpBuilder::max_request_bytes). A delivery has at most 32 MiB of batches, or one larger batch. A request
/// is compressed while it is encoded, so only its compressed form takes memory. The exporter runs on a separate thread behind a
/// bounded queue (see [`Exporter`]), so a server that is slow, hangs or is down never delays the program.
///
/// | the server | what happens |
/// |---|---|
/// | accepts the request except for some spans | those are counted as lost. They are not sent again |
/// | 429, 502, 503, 504; no connection; no whole response in time | the request is sent again after a random time of at most 1, 2, 4, .. 30 s ([full jitter]), or after the time in `Retry-After` (at most an hour), for at most [`retry_for`](OtlpBuilder::retry_for) |
/// | 413 | the halves are sent; a single span is lost |
/// | 2xx with a body that isn't an answer of OTLP (HTML, other text, more than 64 KiB) | lost. An empty body is an answer |
/// | 3xx | lost: redirects are not followed, since another host would get the headers and everything that was recorded |
/// | any other status | lost; the message has the status |
///
/// **Patience.** A request is retried for an hour by default. That is no risk to the program: while the exporter waits, spans wait
/// in its queue, whose bound is in bytes, and what finds no room there is counted. A `Retry-After` is a pause of the exporter:
/// nothing is sent before its time, not even the next spans.
///
/// **The end.** `finish` ends each wait, and the exporter tries again at once, within the deadline of `finish`. While there is
/// time, it retries a server that answers. One that refuses connections gets one more try, so that a program ends soon where there
/// is no server. What is lost then is in the report, with the reason.
///
/// **Twice.** A request without a whole response in time is sent again although it may have arrived. Its ids are the same.
///
/// The ledger counts the lost spans. The reason is a message to the operator ([`heirloom_core::diagnostics`], once per outage and
/// at most once a minute), and is in the result of `flush`. No message contains a header, a recorded value or the text of a
/// response.
///
/// ```
/// use heirloom_otlp::Otlp;
/// let otlp = Otlp::builder().endpoint("http://localhost:4318").header("x-team", "shop");
/// # let otlp = otlp.endpoint("http://127.0.0.1:9").retry_for(std::time::Duration::ZERO);
/// let guard = heirloom_core::builder("shop").exporter(otlp.build()?).start()?;
/// guard.tracer().in_root("order", |span| drop(span.set("items", 3)));
/// println!("{}", guard.finish());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [full jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#[derive(Debug)]
pub struct Otlp<M = Plain> {
    transport: Transport<M>,
}

impl Otlp {
    /// An exporter with the default settings: `http://localhost:4318`, protobuf, gzip. Environment variables are ignored.
    pub fn builder() -> OtlpBuilder {
        OtlpBuilder::default()
    }

    /// The exporter with the settings of the environment: see the table of [`OtlpBuilder`].
    ///
    /// # Errors
    /// A variable can't be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        OtlpBuilder::from_env()?.build()
    }
}

impl<M> OtlpBuilder<M> {
    /// Asks the backend for this address, with the exporter's headers, certificates and timeout, and no retry: for a check whether
    /// it accepts the credentials. It blocks, and must not be called inside a runtime.
    ///
    /// # Errors
    /// A setting can't be used, or there is no response. The text has neither the address nor a header.
    pub fn get(self, url: &str) -> Result<Response, String> {
        let (target, _) = self.into_parts().map_err(|error| error.to_string())?;
        transport::get(&target, url)
    }
}

impl<M: Mapping> OtlpBuilder<M> {
    /// The exporter. No connection is made before the first spans.
    ///
    /// # Errors
    /// A setting can't be used.
    pub fn build(self) -> Result<Otlp<M>, ConfigError> {
        let (target, mapping) = self.into_parts()?;
        Ok(Otlp { transport: Transport::new(target, mapping) })
    }
}

impl<M: Mapping + Send + 'static> Exporter for Otlp<M> {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.transport.deliver(delivery)
    }

    fn request_bytes(&self) -> usize {
        self.transport.delivery_bytes()
    }

    fn export_timeout(&self) -> Option<Duration> {
        Some(NO_DEADLINE)
    }

    fn name(&self) -> &str {
        &self.transport.target().name
    }
}
