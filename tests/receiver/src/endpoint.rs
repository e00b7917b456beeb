//! The two endpoints: traces, and the projects of a pair of keys.

use crate::contract::{self, Violation};
use crate::fault::Fault;
use crate::http::{Answer, Raw};
use crate::serve::State;
use crate::span::{origin, Received};
use base64::Engine;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use std::io::Read;

/// The path for traces.
pub(crate) const TRACES: &str = "/api/public/otel/v1/traces";
const PROJECTS: &str = "/api/public/projects";
/// The part of the response that Langfuse's SDK reads.
const PROJECT: &str =
    r#"{"data":[{"id":"p1","name":"receiver","organization":{"id":"o1","name":"tests"},"metadata":{}}]}"#;
const PROTOBUF: &str = "application/x-protobuf";

/// The outcome of a request.
#[derive(Debug, Default)]
pub(crate) struct Handled {
    /// `None` closes the connection.
    pub(crate) answer: Option<Answer>,
    pub(crate) taken: Vec<Received>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) plain_bytes: usize,
    pub(crate) spans: usize,
    /// The connection is closed only when the receiver is healed.
    pub(crate) hangs: bool,
}

impl Handled {
    fn answer(status: u16, text: &str) -> Self {
        Self { answer: Some(Answer::new(status, "text/plain", text)), ..Self::default() }
    }
}

pub(crate) fn handle(raw: &Raw, state: &State) -> Handled {
    match (raw.method.as_str(), raw.path.as_str()) {
        _ if !authenticated(raw, state) => Handled::answer(401, "wrong keys"),
        ("GET", PROJECTS) => {
            Handled { answer: Some(Answer::new(200, "application/json", PROJECT)), ..Handled::default() }
        }
        ("POST", TRACES) => traces(raw, state),
        (_, TRACES | PROJECTS) => Handled::answer(405, "another method"),
        _ => Handled::answer(404, "nothing is here"),
    }
}

fn authenticated(raw: &Raw, state: &State) -> bool {
    let expected = format!("{}:{}", state.public_key, state.secret_key);
    let given = raw.header("authorization").and_then(|text| text.strip_prefix("Basic "));
    let decoded = given.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    decoded.as_deref() == Some(expected.as_bytes())
}

fn traces(raw: &Raw, state: &State) -> Handled {
    let (fault, max_body_bytes) = {
        let mut kept = state.kept();
        (kept.faults.pop_front().or_else(|| kept.standing.clone()), kept.max_body_bytes)
    };
    let Some(plain) = plain(raw) else { return Handled::answer(400, "not gzip") };
    let Ok(request) = ExportTraceServiceRequest::decode(plain.as_slice()) else {
        return Handled::answer(400, "no OTLP in protobuf");
    };
    let violations = contract::request(raw, &request, &state.public_key);
    let received = received(request);
    let mut handled = Handled { plain_bytes: plain.len(), spans: received.len(), violations, ..Handled::default() };
    if raw.body.len() > max_body_bytes {
        handled.answer = Some(Answer::new(413, "text/plain", "too large"));
        return handled;
    }
    meet(fault, raw, &plain, received, handled)
}

fn meet(fault: Option<Fault>, raw: &Raw, plain: &[u8], mut received: Vec<Received>, mut handled: Handled) -> Handled {
    let text = |status, body: Vec<u8>| Some(Answer::new(status, "text/plain", body));
    match fault {
        None => handled.answer = Some(taken(0, "", false)),
        Some(Fault::Sleep(time)) => {
            std::thread::sleep(time);
            handled.answer = Some(taken(0, "", false));
        }
        Some(Fault::Partial { rejected, message, json }) => {
            received.drain(..rejected.min(received.len()));
            handled.answer = Some(taken(rejected, &message, json));
        }
        Some(Fault::Status(status)) => return Handled { answer: text(status, b"as told".to_vec()), ..handled },
        Some(Fault::Echo(status)) => {
            let body = [format!("{:?} {raw:?}", raw.headers).as_bytes(), plain].concat();
            return Handled { answer: text(status, body), ..handled };
        }
        Some(Fault::RetryAfter(status, after)) => {
            handled.answer = text(status, b"later".to_vec());
            handled.answer.iter_mut().for_each(|answer| answer.headers.push(("retry-after", after.clone())));
            return handled;
        }
        Some(Fault::Redirect(status, location)) => {
            handled.answer = text(status, Vec::new());
            handled.answer.iter_mut().for_each(|answer| answer.headers.push(("location", location.clone())));
            return handled;
        }
        Some(Fault::Hang) => return Handled { hangs: true, ..handled },
        Some(Fault::Close) => return handled,
    }
    handled.taken = received;
    handled
}

/// OTLP's response to an accepted request.
fn taken(rejected: usize, message: &str, json: bool) -> Answer {
    if json {
        let partial = serde_json::json!({ "rejectedSpans": rejected.to_string(), "errorMessage": message });
        let answer = serde_json::json!({ "partialSuccess": partial });
        return Answer::new(200, "application/json", answer.to_string());
    }
    let partial = ExportTracePartialSuccess { rejected_spans: rejected as i64, error_message: message.to_owned() };
    let partial_success = (rejected > 0 || !message.is_empty()).then_some(partial);
    Answer::new(200, PROTOBUF, ExportTraceServiceResponse { partial_success }.encode_to_vec())
}

/// The body before compression.
fn plain(raw: &Raw) -> Option<Vec<u8>> {
    if raw.header("content-encoding") != Some("gzip") {
        return Some(raw.body.clone());
    }
    let mut plain = Vec::new();
    GzDecoder::new(raw.body.as_slice()).read_to_end(&mut plain).ok()?;
    Some(plain)
}

fn received(request: ExportTraceServiceRequest) -> Vec<Received> {
    let mut all = Vec::new();
    for mut resource_spans in request.resource_spans {
        for mut scope_spans in std::mem::take(&mut resource_spans.scope_spans) {
            let spans = std::mem::take(&mut scope_spans.spans);
            let origin = origin(&resource_spans, &scope_spans);
            all.extend(spans.into_iter().map(|span| Received::new(span, &origin)));
        }
    }
    all
}
