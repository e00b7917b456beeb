//! Requests of OTLP in JSON, as OpenTelemetry's exporters write them.

use std::fmt::Write;

/// The time 0 of these traces: nanoseconds since 1970.
pub(crate) const T: u64 = 1_700_000_000_000_000_000;

/// The resource of a request.
#[derive(Clone)]
pub(crate) struct Program(String);

impl Program {
    pub(crate) fn new(name: &str, pid: u64) -> Self {
        Self(format!(
            r#"{{"key":"service.name","value":{{"stringValue":"{name}"}}}},{{"key":"process.pid","value":{{"intValue":"{pid}"}}}}"#
        ))
    }

    pub(crate) fn resource(mut self, key: &str, value: &str) -> Self {
        write!(self.0, r#",{{"key":"{key}","value":{{"intValue":"{value}"}}}}"#).unwrap();
        self
    }
}

/// A span.
#[derive(Clone)]
pub(crate) struct SpanText {
    trace: u64,
    id: u64,
    parent: u64,
    name: String,
    start: u64,
    end: u64,
    attributes: Vec<String>,
    /// As JSON.
    status: String,
}

impl SpanText {
    /// Parent 0 makes it a root; times are after [`T`].
    pub(crate) fn new(id: u64, parent: u64, name: &str, start: u64, end: u64) -> Self {
        Self::at(id, parent, name, T + start, T + end)
    }

    /// Times are after 1970.
    pub(crate) fn at(id: u64, parent: u64, name: &str, start: u64, end: u64) -> Self {
        Self { trace: 1, id, parent, name: name.to_owned(), start, end, attributes: Vec::new(), status: String::new() }
    }

    pub(crate) fn trace(mut self, trace: u64) -> Self {
        self.trace = trace;
        self
    }

    pub(crate) fn thread(self, id: u64) -> Self {
        self.attribute("thread.id", &id.to_string())
    }

    /// An integer, or `true`.
    pub(crate) fn attribute(mut self, key: &str, value: &str) -> Self {
        let value = if value == "true" { r#"{"boolValue":true}"#.to_owned() } else { int(value) };
        self.attributes.push(format!(r#"{{"key":"{key}","value":{value}}}"#));
        self
    }

    /// The text of an error.
    pub(crate) fn failed(mut self, message: &str) -> Self {
        self.status = format!(r#""code":2,"message":"{message}""#);
        self
    }

    pub(crate) fn numbers(self, key: &str, numbers: &[i64]) -> Self {
        self.list(key, numbers.iter().map(|number| int(&number.to_string())).collect())
    }

    pub(crate) fn texts(self, key: &str, texts: &[&str]) -> Self {
        self.list(key, texts.iter().map(|text| format!(r#"{{"stringValue":"{text}"}}"#)).collect())
    }

    fn list(mut self, key: &str, values: Vec<String>) -> Self {
        let values = values.join(",");
        self.attributes.push(format!(r#"{{"key":"{key}","value":{{"arrayValue":{{"values":[{values}]}}}}}}"#));
        self
    }

    fn json(&self) -> String {
        let Self { trace, id, parent, name, start, end, attributes, status } = self;
        let parent = if *parent == 0 { String::new() } else { format!(r#""parentSpanId":"{parent:016x}","#) };
        format!(
            r#"{{"traceId":"{trace:032x}","spanId":"{id:016x}",{parent}"name":"{name}","kind":1,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{}],"status":{{{status}}}}}"#,
            attributes.join(",")
        )
    }
}

fn int(value: &str) -> String {
    format!(r#"{{"intValue":"{value}"}}"#)
}

/// A request on one line.
pub(crate) fn request(program: &Program, spans: &[SpanText]) -> String {
    let spans: Vec<String> = spans.iter().map(SpanText::json).collect();
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"scope":{{"name":"otel"}},"spans":[{}]}}]}}]}}"#,
        program.0,
        spans.join(",")
    )
}
