//! Reads the settings of an exporter from environment variables.

use super::headers;
use crate::config::{ConfigError, OtlpBuilder};
use crate::format::Format;
use crate::transport::Compression;
use heirloom_core::environment;
use std::ffi::OsString;
use std::time::Duration;

/// The variable for traces, and the one for all signals. The first that is set counts.
type Names = [&'static str; 2];

const ENDPOINT: Names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const HEADERS: Names = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const TIMEOUT: Names = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const COMPRESSION: Names = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const PROTOCOL: Names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const CERTIFICATE: Names = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
const CLIENT_CERTIFICATE: Names =
    ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"];
const CLIENT_KEY: Names = ["OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY"];
const MAX_SPANS: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";

/// The variables that name neither a file, an endpoint nor a credential, so that they count in a program with more rights than its
/// user too.
pub(super) const HARMLESS: &[&str] =
    &[TIMEOUT[0], TIMEOUT[1], COMPRESSION[0], COMPRESSION[1], PROTOCOL[0], PROTOCOL[1], MAX_SPANS];

/// No limit is a long one: every wait has a deadline.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

const GRPC: &str =
    "http/protobuf or http/json; gRPC is not built in: set http/protobuf and the endpoint's port for OTLP over HTTP \
                    (usually 4318 instead of 4317), or use the crate opentelemetry-otlp with heirloom's OtelExporter";

/// A variable that can't be used.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) error: ConfigError,
    /// Spans must not be sent without it: to another place, in another form, without the headers.
    pub(super) is_fatal: bool,
}

impl OtlpBuilder {
    /// The settings of this process's environment: see the [table](Self). Methods that are called afterwards override them.
    ///
    /// In a program with more rights than its user, such as a setuid program, the variables with addresses, headers and files are
    /// ignored ([all variables](environment)): set them in code.
    ///
    /// # Errors
    /// A variable can't be used. The error has no address, header or key.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| environment::variable(name, HARMLESS))
    }

    /// As [`from_env`](Self::from_env), with these variables instead of the environment's.
    ///
    /// ```
    /// use heirloom_otlp::OtlpBuilder;
    /// let error = OtlpBuilder::from_variables(|name| match name {
    ///     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("localhost".into()),
    ///     _ => None,
    /// });
    /// assert_eq!(error.unwrap_err().setting(), "OTEL_EXPORTER_OTLP_ENDPOINT");
    /// ```
    ///
    /// # Errors
    /// As `from_env`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let (builder, problems) = read(&variable);
        problems.into_iter().next().map_or(Ok(builder), |problem| Err(problem.error))
    }
}

/// Whether a variable asks for this exporter.
pub(super) fn has_endpoint(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    ENDPOINT.into_iter().any(|name| variable(name).is_some_and(|value| !value.to_string_lossy().trim().is_empty()))
}

/// The settings, without those that can't be used.
pub(super) fn read(variable: &dyn Fn(&str) -> Option<OsString>) -> (OtlpBuilder, Vec<Problem>) {
    let mut reader = Reader { variable, builder: OtlpBuilder::default(), problems: Vec::new() };
    reader.endpoint();
    reader.headers();
    reader.protocol();
    reader.certificates();
    reader.numbers();
    (reader.builder, reader.problems)
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    builder: OtlpBuilder,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn endpoint(&mut self) {
        if let Some((name, url)) = self.first(ENDPOINT) {
            let is_base = name == ENDPOINT[1];
            self.set(name, |builder| if is_base { builder.endpoint(url) } else { builder.traces_endpoint(url) });
        }
    }

    fn headers(&mut self) {
        let Some((name, text)) = self.first(HEADERS) else { return };
        let Some(headers) = headers::parse(&text) else {
            return self.fatal(ConfigError::new(name, "name=value,name=value, with percent-encoded values"));
        };
        for (header, value) in headers {
            self.set(name, |builder| builder.header(header, value));
        }
    }

    fn protocol(&mut self) {
        let Some((name, text)) = self.first(PROTOCOL) else { return };
        match text.to_ascii_lowercase().as_str() {
            "http/protobuf" => {}
            "http/json" => self.set(name, |builder| builder.protocol(Format::Json)),
            "grpc" => self.fatal(ConfigError::new(name, GRPC).of(&text)),
            _ => self.fatal(ConfigError::new(name, "http/protobuf or http/json").of(&text)),
        }
    }

    fn certificates(&mut self) {
        if let Some((name, pem)) = self.file(CERTIFICATE) {
            self.set(name, |builder| builder.certificate(pem));
        }
        match (self.file(CLIENT_CERTIFICATE), self.file(CLIENT_KEY)) {
            (Some((name, certificates)), Some((_, key))) => {
                self.set(name, |builder| builder.client_certificate(certificates, key));
            }
            (Some(_), None) => {
                self.fatal(ConfigError::new(CLIENT_KEY[1], "the file with the key of the client's certificate"))
            }
            (None, Some(_)) => {
                self.fatal(ConfigError::new(CLIENT_CERTIFICATE[1], "the file with the certificate of the client's key"))
            }
            (None, None) => {}
        }
    }

    fn numbers(&mut self) {
        if let Some((name, text)) = self.first(TIMEOUT) {
            match text.parse::<u32>() {
                Ok(0) => self.set(name, |builder| builder.timeout(NO_LIMIT)),
                Ok(ms) => self.set(name, |builder| builder.timeout(Duration::from_millis(ms.into()))),
                Err(_) => self.ignored(name, "a whole number of milliseconds from 0 to 4294967295", &text),
            }
        }
        if let Some((name, text)) = self.first(COMPRESSION) {
            match text.to_ascii_lowercase().as_str() {
                "gzip" => {}
                "none" => self.set(name, |builder| builder.compression(Compression::None)),
                _ => self.ignored(name, "gzip or none", &text),
            }
        }
        if let Some((name, text)) = self.first([MAX_SPANS, MAX_SPANS]) {
            match text.parse() {
                Ok(spans) if spans > 0 => self.set(name, |builder| builder.max_request_spans(spans)),
                _ => self.ignored(name, "a whole number above zero", &text),
            }
        }
    }

    /// The text of the file that a variable names.
    fn file(&mut self, names: Names) -> Option<(&'static str, String)> {
        let (name, path) = self.first(names)?;
        match std::fs::read_to_string(path) {
            Ok(text) => Some((name, text)),
            Err(error) => {
                self.fatal(ConfigError::new(name, format!("a file in PEM that can be read ({})", error.kind())));
                None
            }
        }
    }

    /// The first of the variables that isn't empty, trimmed.
    fn first(&mut self, names: Names) -> Option<(&'static str, String)> {
        for name in names {
            let Some(value) = (self.variable)(name) else { continue };
            match value.into_string() {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Some((name, text.trim().to_owned())),
                Err(_) => {
                    self.fatal(ConfigError::new(name, "text in UTF-8"));
                    return None;
                }
            }
        }
        None
    }

    /// Applies a setting. What the builder can't use is the variable's problem.
    fn set(&mut self, name: &'static str, apply: impl FnOnce(OtlpBuilder) -> OtlpBuilder) {
        self.builder = apply(std::mem::take(&mut self.builder));
        if let Some(error) = self.builder.take_error(name) {
            self.fatal(error);
        }
    }

    fn fatal(&mut self, error: ConfigError) {
        self.problems.push(Problem { error, is_fatal: true });
    }

    fn ignored(&mut self, name: &'static str, expected: &'static str, value: &str) {
        self.problems.push(Problem { error: ConfigError::new(name, expected).of(value), is_fatal: false });
    }
}
