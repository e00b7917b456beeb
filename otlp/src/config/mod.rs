//! [`OtlpBuilder`]: the settings of one exporter.

mod check;
mod error;

pub use error::ConfigError;

use crate::encode::Plain;
use crate::format::Format;
use crate::transport::{Compression, Hints, Secret, Target};
use std::time::Duration;

/// The address of a collector on this machine.
const ENDPOINT: &str = "http://localhost:4318/v1/traces";
/// OpenTelemetry's default for one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What a collector accepts after decompression by default: [`defaultMaxRequestBodySize`].
///
/// [`defaultMaxRequestBodySize`]: https://github.com/open-telemetry/opentelemetry-collector/blob/main/config/confighttp/server.go
const MAX_REQUEST_BYTES: usize = 20 << 20;
/// Long enough for a backend that is restarted, moved or repaired. The queue bounds the memory meanwhile.
const RETRY_FOR: Duration = Duration::from_secs(3600);
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The settings of an exporter for OTLP over HTTP.
///
/// | method | variables, the first that is set | default |
/// |---|---|---|
/// | [`endpoint`](Self::endpoint), [`traces_endpoint`](Self::traces_endpoint) | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, as it is; `OTEL_EXPORTER_OTLP_ENDPOINT` and `/v1/traces` | `http://localhost:4318` and `/v1/traces` |
/// | [`header`](Self::header) | `OTEL_EXPORTER_OTLP_TRACES_HEADERS`, `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, values percent-encoded | none |
/// | [`timeout`](Self::timeout) | `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds; 0 is no limit | 10 s |
/// | [`compression`](Self::compression) | `OTEL_EXPORTER_OTLP_TRACES_COMPRESSION`, `OTEL_EXPORTER_OTLP_COMPRESSION`: `gzip` or `none` | `gzip` |
/// | [`certificate`](Self::certificate) | `OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CERTIFICATE`: a file | the system's |
/// | [`client_certificate`](Self::client_certificate) | `OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE` and `_CLIENT_KEY`, the same without `_TRACES`: files | none |
/// | [`protocol`](Self::protocol) | `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`: `http/protobuf` or `http/json` | `http/protobuf` |
/// | [`max_request_spans`](Self::max_request_spans) | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | no separate limit |
/// | [`max_request_bytes`](Self::max_request_bytes) | | 20 MiB |
/// | [`retry_for`](Self::retry_for) | | 1 hour |
/// | [`first_wait`](Self::first_wait) | | 1 s |
///
/// The variables are those of [OpenTelemetry's specification]. `grpc` isn't built in: such a backend usually takes HTTP too, on
/// port 4318 instead of 4317. Otherwise wrap the exporter of the crate `opentelemetry-otlp` in an `OtelExporter`.
///
/// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` configure a proxy. In a program with more rights than its user, such as
/// a setuid program, proxies and the variables with addresses, headers and files are ignored
/// ([all variables](heirloom_core::environment)). `Debug` shows no address, header or key.
///
/// ```
/// use heirloom_otlp::{Compression, Otlp};
/// use std::time::Duration;
/// let otlp = Otlp::builder()
///     .endpoint("https://collector.example:4318")
///     .header("authorization", "Bearer secret")
///     .timeout(Duration::from_secs(20))
///     .compression(Compression::None);
/// assert!(!format!("{otlp:?}").contains("secret"));
/// let exporter = otlp.build()?;
/// # drop(exporter);
/// # Ok::<(), heirloom_otlp::ConfigError>(())
/// ```
///
/// [OpenTelemetry's specification]: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct OtlpBuilder<M = Plain> {
    target: Target,
    mapping: M,
    /// The first setting that can't be used.
    error: Option<ConfigError>,
}

impl Default for OtlpBuilder {
    fn default() -> Self {
        let target = Target {
            name: "otlp".to_owned(),
            url: Secret::new(ENDPOINT),
            headers: Vec::new(),
            timeout: TIMEOUT,
            compression: Compression::default(),
            format: Format::Protobuf,
            roots: None,
            identity: None,
            max_bytes: MAX_REQUEST_BYTES,
            max_spans: usize::MAX,
            retry_for: RETRY_FOR,
            first_wait: FIRST_WAIT,
            hints: Hints::default(),
        };
        Self { target, mapping: Plain, error: None }
    }
}

impl<M> OtlpBuilder<M> {
    /// The backend's base URL: spans are sent to `/v1/traces` below it. Without user and password.
    pub fn endpoint(self, url: impl AsRef<str>) -> Self {
        self.set(check::endpoint(url.as_ref()), |target, url| target.url = url)
    }

    /// The URL to which spans are sent, as it is.
    pub fn traces_endpoint(self, url: impl AsRef<str>) -> Self {
        self.set(check::traces_endpoint(url.as_ref()), |target, url| target.url = url)
    }

    /// Adds a header to each request, or replaces it.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.set(check::header(&name, &value), |target, ()| target.headers.push((name, Secret::new(value))))
    }

    /// How long one request may take, from the connection to the end of the response.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.target.timeout = timeout;
        self
    }

    /// How a request is compressed.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.target.compression = compression;
        self
    }

    /// Certificates in PEM that are trusted besides the system's: the text of the file.
    pub fn certificate(self, pem: impl Into<String>) -> Self {
        let pem = pem.into();
        self.set(check::certificate(&pem), |target, ()| target.roots = Some(Secret::new(pem)))
    }

    /// The certificates and the private key in PEM that prove to the backend who the client is.
    pub fn client_certificate(self, certificates: impl Into<String>, key: impl Into<String>) -> Self {
        let (certificates, key) = (certificates.into(), key.into());
        let checked = check::identity(&certificates, &key);
        self.set(checked, |target, ()| target.identity = Some((Secret::new(certificates), Secret::new(key))))
    }

    /// The form of OTLP: protobuf, or JSON, which takes several times the bytes.
    pub fn protocol(mut self, format: Format) -> Self {
        self.target.format = format;
        self
    }

    /// The largest request before compression, in bytes. More spans are sent in several requests. A larger single span is lost, and
    /// counted.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.target.max_bytes = bytes;
        self
    }

    /// The largest number of spans in a request.
    pub fn max_request_spans(mut self, spans: usize) -> Self {
        self.target.max_spans = spans;
        self
    }

    /// How long a request is retried while the backend can't be reached or asks for a later one. Then its spans are lost, and
    /// counted. Meanwhile further spans wait in the exporter's queue, which is bounded (`queue_bytes` of the tracer).
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.target.retry_for = time;
        self
    }

    /// The bound of the wait before the first retry. Each further bound is twice as large, up to 30 s. A wait is a random part of
    /// its bound. A `Retry-After` of the server takes precedence.
    pub fn first_wait(mut self, time: Duration) -> Self {
        self.target.first_wait = time;
        self
    }

    /// The exporter's name in messages and in the ledger: `otlp`, unless it is set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.target.name = name.into();
        self
    }

    /// The hints in messages: the settings that the operator should check.
    pub fn hints(mut self, hints: Hints) -> Self {
        self.target.hints = hints;
        self
    }

    /// The mapping: how the spans that the backend gets differ from the recorded ones.
    pub fn mapping<N>(self, mapping: N) -> OtlpBuilder<N> {
        OtlpBuilder { target: self.target, mapping, error: self.error }
    }

    /// Applies a setting that was checked, or keeps the error.
    fn set<T>(mut self, checked: Result<T, ConfigError>, apply: impl FnOnce(&mut Target, T)) -> Self {
        match checked {
            Ok(value) => apply(&mut self.target, value),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Takes the error of the last setting, as that of a variable.
    pub(crate) fn take_error(&mut self, variable: &'static str) -> Option<ConfigError> {
        self.error.take().map(|error| error.set_by(variable))
    }

    /// The parts, if all settings can be used.
    pub(crate) fn into_parts(self) -> Result<(Target, M), ConfigError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check::numbers(&self.target)?;
        Ok((self.target, self.mapping))
    }
}
