//! Reads [`Settings`] from environment variables.

use super::check::{self, Check};
use super::{overload, resource, unknown_service, Capture, ConfigWarning, Limits, Overload, Settings};
use crate::environment::{self, UnknownName};
use crate::Sampler;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

const MILLISECONDS: &str = "a whole number of milliseconds from 0 to 4294967295";
const COUNT: &str = "a whole number from 0 to 4294967295";

/// The variables that name neither a file nor an endpoint, so that they count in a [program with more rights than its
/// user](crate::environment) too. `HEIRLOOM_STRICT` isn't one: with it, a wrong variable would stop the program.
const HARMLESS: &[&str] = &[
    "HEIRLOOM_CAPTURE",
    "HEIRLOOM_CAPTURE_MAX_BYTES",
    "HEIRLOOM_DRAIN_INTERVAL_MS",
    "HEIRLOOM_FINISH_TIMEOUT_MS",
    "HEIRLOOM_FLUSH_ON_PANIC",
    "HEIRLOOM_MAX_OPEN_SPANS",
    "HEIRLOOM_OVERLOAD",
    "HEIRLOOM_QUEUE_BYTES",
    "HEIRLOOM_RING_BYTES",
    "HEIRLOOM_SAMPLE",
    "HEIRLOOM_SHARD_BYTES",
    "HEIRLOOM_VERIFY",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_PROPAGATORS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
];

impl Settings {
    /// The defaults, overridden by this process's present environment.
    ///
    /// The operator's settings win: `OTEL_SERVICE_NAME`, and after it `service.name` in `OTEL_RESOURCE_ATTRIBUTES`,
    /// override the name given here. If there is none of the three, the name is `unknown_service:` and the name of the
    /// executable.
    ///
    /// In a program with more rights than its user, such as a setuid program, `HEIRLOOM_TRACE_FILE` and `HEIRLOOM_STRICT`
    /// are ignored ([all variables](crate::environment)).
    ///
    /// Never fails: a value that can't be used is ignored, and returned as a warning. So is a variable whose name begins with
    /// `HEIRLOOM_` and that nothing reads, with the name that is probably meant.
    pub fn from_env(service_name: &str) -> (Self, Vec<ConfigWarning>) {
        let (settings, mut warnings) = Self::from_variables(service_name, |name| environment::variable(name, HARMLESS));
        warnings.extend(environment::unknown_names().into_iter().map(unknown));
        (settings, warnings)
    }

    /// As [`from_env`](Self::from_env), with these variables instead of the environment's.
    ///
    /// ```
    /// use heirloom_core::Settings;
    /// let (settings, warnings) = Settings::from_variables("app", |name| match name {
    ///     "OTEL_SERVICE_NAME" => Some("checkout".into()),
    ///     "OTEL_RESOURCE_ATTRIBUTES" => Some("deployment.environment.name=staging".into()),
    ///     _ => None,
    /// });
    /// assert_eq!((settings.service_name.as_str(), settings.resource.len(), warnings.len()), ("checkout", 1, 0));
    /// ```
    pub fn from_variables(
        service_name: &str,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> (Self, Vec<ConfigWarning>) {
        let mut reader = Reader { variable: &variable, warnings: Vec::new() };
        let settings = reader.settings(service_name);
        (settings, reader.warnings)
    }
}

/// Reads variables, and collects warnings for those that can't be used.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    warnings: Vec<ConfigWarning>,
}

impl Reader<'_> {
    fn settings(&mut self, service_name: &str) -> Settings {
        let default = Settings::default();
        self.check_what_is_fixed();
        let mut resource =
            self.parsed("OTEL_RESOURCE_ATTRIBUTES", resource::ACCEPTED, resource::parse).unwrap_or_default();
        Settings {
            service_name: self.service_name(service_name, &mut resource),
            resource,
            disabled: self.otel_switch("OTEL_SDK_DISABLED"),
            sampler: self.sampler().unwrap_or(default.sampler),
            limits: self.limits(default.limits),
            capture: self.capture(),
            shard_bytes: self.bytes("HEIRLOOM_SHARD_BYTES", &check::SHARD_BYTES).unwrap_or(default.shard_bytes),
            overload: self.checked("HEIRLOOM_OVERLOAD", &overload::OVERLOAD, Overload::parse),
            complete: None,
            ring_bytes: self.bytes("HEIRLOOM_RING_BYTES", &check::RING_BYTES).unwrap_or(default.ring_bytes),
            queue_bytes: self.bytes("HEIRLOOM_QUEUE_BYTES", &check::QUEUE_BYTES).unwrap_or(default.queue_bytes),
            max_open_spans_per_thread: self
                .checked("HEIRLOOM_MAX_OPEN_SPANS", &check::MAX_OPEN_SPANS, |text| text.parse().ok())
                .unwrap_or(default.max_open_spans_per_thread),
            export_delay: self.milliseconds("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(default.export_delay),
            export_timeout: self.otel_timeout("OTEL_BSP_EXPORT_TIMEOUT").unwrap_or(default.export_timeout),
            finish_timeout: self.milliseconds("HEIRLOOM_FINISH_TIMEOUT_MS").unwrap_or(default.finish_timeout),
            drain_interval: self
                .checked("HEIRLOOM_DRAIN_INTERVAL_MS", &check::DRAIN_INTERVAL, parse_milliseconds)
                .unwrap_or(default.drain_interval),
            trace_file: self.os_text("HEIRLOOM_TRACE_FILE").map(Into::into),
            strict: self.switch("HEIRLOOM_STRICT"),
            flush_on_panic: self.switch("HEIRLOOM_FLUSH_ON_PANIC"),
            sample: self.switch_or("HEIRLOOM_SAMPLE", default.sample),
            verify: self.switch("HEIRLOOM_VERIFY"),
        }
    }

    /// Variables of OpenTelemetry for what can't be set here.
    fn check_what_is_fixed(&mut self) {
        if let Some(text) = self.text("OTEL_BSP_MAX_QUEUE_SIZE") {
            let why = ": a queue is bounded in bytes, not in spans, by HEIRLOOM_QUEUE_BYTES";
            self.warnings.push(ConfigWarning::because("OTEL_BSP_MAX_QUEUE_SIZE", Some(&text), why));
        }
        let Some(text) = self.text("OTEL_PROPAGATORS") else { return };
        let is_ours = |name: &str| ["", "tracecontext", "baggage"].contains(&name.trim().to_ascii_lowercase().as_str());
        if !text.split(',').all(is_ours) {
            let why = ": it takes tracecontext and baggage, and code decides where they are read and written";
            self.warnings.push(ConfigWarning::because("OTEL_PROPAGATORS", Some(&text), why));
        }
    }

    /// An unreadable switch turns capture off: the operator who set it didn't ask for everything to be recorded.
    fn capture(&mut self) -> Capture {
        let capture = Capture::default();
        let capture = match self.text("HEIRLOOM_CAPTURE") {
            Some(_) => {
                let accepted = "true, 1, false or 0, and is false until then";
                capture.enabled(self.parsed("HEIRLOOM_CAPTURE", accepted, parse_switch).unwrap_or_default())
            }
            None => capture,
        };
        match self.bytes("HEIRLOOM_CAPTURE_MAX_BYTES", &check::CAPTURE_MAX_BYTES) {
            Some(bytes) => capture.max_bytes(bytes),
            None => capture,
        }
    }

    /// Takes `service.name` out of the resource. It is used only if no better source has the name.
    fn service_name(&mut self, from_code: &str, resource: &mut Vec<(String, String)>) -> String {
        let at = resource.iter().position(|(key, _)| key == "service.name");
        let from_resource = at.map(|at| resource.remove(at).1);
        let from_environment = self.text("OTEL_SERVICE_NAME").or(from_resource);
        let names = [from_environment, Some(from_code.trim().to_owned())];
        names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_else(unknown_service)
    }

    /// A wrong argument invalidates the argument and not the sampler, as OpenTelemetry demands.
    fn sampler(&mut self) -> Option<Sampler> {
        let name = self.text("OTEL_TRACES_SAMPLER")?;
        let argument = self.text("OTEL_TRACES_SAMPLER_ARG");
        let error = match Sampler::from_name(&name, argument.as_deref()) {
            Ok(sampler) => return Some(sampler),
            Err(error) => error,
        };
        if error.is_about_argument() {
            self.warn("OTEL_TRACES_SAMPLER_ARG", argument.unwrap_or_default().as_ref(), error.accepted());
        } else {
            self.warn("OTEL_TRACES_SAMPLER", name.as_ref(), error.accepted());
        }
        Sampler::from_name(&name, None).ok()
    }

    fn limits(&mut self, default: Limits) -> Limits {
        let attributes = self.count("OTEL_ATTRIBUTE_COUNT_LIMIT");
        let mut count = |name, general: Option<u32>, default| self.count(name).or(general).unwrap_or(default);
        let attributes_per_span = count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", attributes, default.attributes_per_span);
        let events_per_span = count("OTEL_SPAN_EVENT_COUNT_LIMIT", None, default.events_per_span);
        let links_per_span = count("OTEL_SPAN_LINK_COUNT_LIMIT", None, default.links_per_span);
        let attributes_per_event = count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", attributes, default.attributes_per_event);
        let attributes_per_link = count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", attributes, default.attributes_per_link);
        let value_chars = self.count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
        Limits {
            attributes_per_span,
            events_per_span,
            links_per_span,
            attributes_per_event,
            attributes_per_link,
            attribute_value_chars: self.count("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT").or(value_chars),
            ..default
        }
    }

    fn count(&mut self, name: &'static str) -> Option<u32> {
        self.parsed(name, COUNT, |text| text.parse().ok())
    }

    fn bytes(&mut self, name: &'static str, check: &Check<usize>) -> Option<usize> {
        self.checked(name, check, parse_bytes)
    }

    fn milliseconds(&mut self, name: &'static str) -> Option<Duration> {
        self.parsed(name, MILLISECONDS, parse_milliseconds)
    }

    /// Zero is [no limit]. Every wait here has a deadline, so zero becomes the longest one.
    ///
    /// [no limit]: https://opentelemetry.io/docs/specs/otel/configuration/common/#timeout
    fn otel_timeout(&mut self, name: &'static str) -> Option<Duration> {
        let no_limit = Duration::from_millis(u32::MAX.into());
        self.milliseconds(name).map(|timeout| if timeout.is_zero() { no_limit } else { timeout })
    }

    /// Only "true" is [true]. Any value but that and "false" is false, with a warning.
    ///
    /// [true]: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#boolean
    fn otel_switch(&mut self, name: &'static str) -> bool {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        self.parsed(name, "true or false", parse).unwrap_or_default()
    }

    fn switch(&mut self, name: &'static str) -> bool {
        self.switch_or(name, false)
    }

    fn switch_or(&mut self, name: &'static str, default: bool) -> bool {
        self.parsed(name, "true, 1, false or 0", parse_switch).unwrap_or(default)
    }

    fn checked<T>(&mut self, name: &'static str, check: &Check<T>, parse: fn(&str) -> Option<T>) -> Option<T> {
        self.parsed(name, check.accepted, |text| parse(text).filter(check.accepts))
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        accepted: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.warn(name, text.as_ref(), accepted);
        }
        value
    }

    /// The variable's text, trimmed; `None` if nothing is left.
    fn text(&mut self, name: &'static str) -> Option<String> {
        match self.os_text(name)?.into_string() {
            Ok(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Into::into),
            Err(not_utf8) => {
                self.warn(name, &not_utf8, "text in UTF-8");
                None
            }
        }
    }

    fn os_text(&self, name: &'static str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn warn(&mut self, name: &'static str, value: &OsStr, accepted: &'static str) {
        self.warnings.push(ConfigWarning::new(name, &value.to_string_lossy(), accepted));
    }
}

fn unknown(name: UnknownName) -> ConfigWarning {
    let meant = name.similar.map_or_else(String::new, |similar| format!("; {similar} is similar"));
    ConfigWarning::because(name.name, None, format!(": no variable has this name{meant}"))
}

fn parse_switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// `65536`, `64KiB`, `1 MiB`, `2 GiB`.
fn parse_bytes(text: &str) -> Option<usize> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let with_unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (number, shift) = with_unit.unwrap_or((text, 0));
    number.trim_end().parse::<usize>().ok()?.checked_mul(1 << shift)
}

fn parse_milliseconds(text: &str) -> Option<Duration> {
    text.parse::<u32>().ok().map(|ms| Duration::from_millis(ms.into()))
}

#[cfg(test)]
mod tests;
