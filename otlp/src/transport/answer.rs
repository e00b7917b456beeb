//! The meaning of a response.
//!
//! Messages never contain text of a response, because it may repeat recorded values. They contain its status and fixed words.

use super::client::{Body, Received};
use super::partial;
use super::retry::Failure;
use super::target::Hints;
use crate::format::Format;
use reqwest::header::{HeaderMap, CONTENT_TYPE, RETRY_AFTER};
use reqwest::StatusCode;
use std::time::{Duration, SystemTime};

/// The outcome of one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Accepted, except for `rejected` spans.
    Taken { rejected: u64 },
    /// Too large: a smaller request may be accepted.
    TooLarge,
    /// Failed for now: retry.
    Later(Failure),
    /// Lost: don't retry.
    Refused { why: String },
}

/// The outcome of a request in this format that was answered.
pub(super) fn answer(response: &Received, format: Format, hints: &Hints) -> Answer {
    let status = response.status;
    let refused = |hint: &str| Answer::Refused { why: format!("{}: {hint}", named(status)) };
    match status.as_u16() {
        200..=299 => taken(response, format, hints),
        413 => Answer::TooLarge,
        429 | 502 | 503 | 504 => {
            Answer::Later(Failure { why: named(status), after: retry_after(&response.headers), is_there: true })
        }
        401 | 403 => refused(hints.credentials),
        300..=399 => refused(&format!("redirects are not followed; {}", hints.address)),
        404 | 405 => refused(hints.address),
        415 => refused(hints.format),
        _ => Answer::Refused { why: named(status) },
    }
}

fn taken(response: &Received, format: Format, hints: &Hints) -> Answer {
    let rejected = match &response.body {
        Body::Whole(body) => partial::rejected(body, format_of(&response.headers).unwrap_or(format)),
        Body::TooLong => None,
    };
    match rejected {
        Some(rejected) => Answer::Taken { rejected },
        None => {
            let why =
                format!("the body of its response ({}) is not OTLP's: {}", response.status.as_u16(), hints.address);
            Answer::Refused { why }
        }
    }
}

/// The format that a response names.
fn format_of(headers: &HeaderMap) -> Option<Format> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = text.split(';').next().unwrap_or_default().trim();
    [Format::Protobuf, Format::Json].into_iter().find(|format| media_type.eq_ignore_ascii_case(format.content_type()))
}

fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("the server responded with {} {reason}", status.as_u16()),
        None => format!("the server responded with {}", status.as_u16()),
    }
}

/// The value of `Retry-After`: seconds, or a date ([RFC 9110]). Any other value is ignored, and so is a date in the past.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn after(text: &'static str) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]))
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_date() {
        assert_eq!((after("7"), after("0")), (Some(Duration::from_secs(7)), Some(Duration::ZERO)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let value = HeaderValue::from_str(&date).unwrap();
        let wait = retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)])).unwrap();
        assert!((55..=60).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn any_other_time_to_wait_leaves_the_back_off() {
        for text in ["", "soon", "-1", "1.5", "99999999999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(after(text), None, "{text}");
        }
    }

    fn outcome(status: u16, content_type: &'static str, body: &[u8]) -> Answer {
        let response = Received {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]),
            body: Body::Whole(body.to_vec()),
        };
        answer(&response, Format::Protobuf, &Hints::default())
    }

    #[test]
    fn the_content_type_says_how_the_body_is_read() {
        let json = br#"{"partialSuccess":{"rejectedSpans":"3"}}"#;
        for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(outcome(200, content_type, json), Answer::Taken { rejected: 3 });
        }
        assert_eq!(outcome(200, "application/x-protobuf", &[0x0a, 2, 0x08, 3]), Answer::Taken { rejected: 3 });
        assert_eq!(outcome(200, "text/plain", &[0x0a, 2, 0x08, 3]), Answer::Taken { rejected: 3 }, "as the request");
        assert_eq!(outcome(202, "text/html", b""), Answer::Taken { rejected: 0 });
        assert!(matches!(outcome(200, "application/x-protobuf", json), Answer::Refused { .. }));
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in 200..=599 {
            let outcome = outcome(status, "text/plain", b"");
            let expected = match status {
                200..=299 => matches!(outcome, Answer::Taken { rejected: 0 }),
                413 => outcome == Answer::TooLarge,
                429 | 502 | 503 | 504 => matches!(&outcome, Answer::Later(failure) if failure.after.is_none()),
                _ => matches!(&outcome, Answer::Refused { why } if why.contains(&status.to_string())),
            };
            assert!(expected, "{status}: {outcome:?}");
        }
    }
}
