//! [`Failure`]: the recorded part of an error: a type of low cardinality and the HTTP status, never the server's message.
//!
//! A server may repeat the API key and parts of the prompt in its message. The caller gets the whole message in the error.

use async_openai::error::{ApiError, OpenAIError, WrappedError};
use heirloom_core::Span;
use std::borrow::Cow;

/// Maximum length of an error's name in bytes, so that a message isn't taken for a name. OpenAI's names are under 40 bytes.
const MAX_NAME_BYTES: usize = 64;

/// The recorded part of an error.
#[derive(Debug)]
pub(crate) struct Failure<'e> {
    /// `error.type`.
    name: Cow<'e, str>,
    /// The HTTP status, if the server answered with one.
    status: Option<u16>,
    /// A description, if the name isn't clear enough.
    description: Option<&'static str>,
}

impl<'e> Failure<'e> {
    pub(crate) fn of(error: &'e OpenAIError) -> Self {
        match error {
            OpenAIError::ApiError(answer) => {
                let status = answer.status_code.as_u16();
                let name = name_in(&answer.api_error).map_or_else(|| status.to_string().into(), Cow::Borrowed);
                Self { name, status: Some(status), description: None }
            }
            OpenAIError::Reqwest(error) => Self {
                status: error.status().map(|status| status.as_u16()),
                ..Self::named(transport(error), "the request failed before the whole answer came")
            },
            OpenAIError::JSONDeserialize(_, content) => match serde_json::from_str::<WrappedError>(content) {
                // The form of an error in the middle of a stream.
                Ok(WrappedError { error }) => {
                    let reported = Failure::reported(name_in(&error));
                    Self { name: reported.name.into_owned().into(), ..reported }
                }
                Err(_) => Self::named("invalid_response", "the answer isn't the expected JSON"),
            },
            OpenAIError::StreamError(_) => Self::named("stream_error", "the stream was cut short or is malformed"),
            OpenAIError::InvalidArgument(_) => {
                Self::named("invalid_argument", "the request is invalid; it wasn't sent")
            }
            _ => Self::named("_OTHER", "the call failed; the caller's error has the reason"),
        }
    }

    /// A failure that an answer reports by its code.
    pub(crate) fn reported(code: Option<&'e str>) -> Self {
        let name = code.filter(|code| is_name(code)).unwrap_or("response_failed");
        Self { name: name.into(), status: None, description: Some("the server reported that the call failed") }
    }

    fn named(name: &'static str, description: &'static str) -> Self {
        Self { name: name.into(), status: None, description: Some(description) }
    }

    /// Sets the type, the HTTP status and the status of the span.
    pub(crate) fn set(&self, span: &Span) {
        span.set("error.type", &*self.name);
        if let Some(status) = self.status {
            span.set("http.response.status_code", status);
        }
        match (self.description, self.status) {
            (Some(description), _) => span.error(description),
            (None, Some(status)) => span.error(&format!("the server answered {status}: {}", self.name)),
            (None, None) => span.error(&self.name),
        };
    }
}

/// The server's code of an error, else its type.
fn name_in(error: &ApiError) -> Option<&str> {
    [error.code.as_deref(), error.r#type.as_deref()].into_iter().flatten().find(|name| is_name(name))
}

fn transport(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connection_error"
    } else if error.is_body() || error.is_decode() {
        "incomplete_response"
    } else {
        "transport_error"
    }
}

/// Whether a server's text is a name, such as `rate_limit_exceeded`, and not a message or a key.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_openai::error::{ApiError, ApiErrorResponse};

    fn api_error(status: u16, code: Option<&str>, of_type: Option<&str>) -> OpenAIError {
        let api_error = ApiError {
            message: "the key sk-secret is wrong".into(),
            code: code.map(Into::into),
            r#type: of_type.map(Into::into),
            ..ApiError::default()
        };
        let status_code = reqwest::StatusCode::from_u16(status).expect("a valid status");
        OpenAIError::ApiError(ApiErrorResponse { status_code, api_error })
    }

    #[test]
    fn the_code_names_the_error_then_the_type_then_the_status() {
        let name = |code, of_type| Failure::of(&api_error(429, code, of_type)).name.into_owned();
        assert_eq!(name(Some("rate_limit_exceeded"), Some("requests")), "rate_limit_exceeded");
        assert_eq!(name(None, Some("requests")), "requests");
        assert_eq!(name(None, None), "429");
    }

    #[test]
    fn a_code_that_is_no_name_is_not_recorded() {
        for code in ["", "Wrong key: sk-secret", "sk-secret", "kEY", &"a".repeat(65)] {
            assert_eq!(Failure::of(&api_error(401, Some(code), None)).name, "401", "{code}");
        }
    }
}
