//! Span kind and status, named as in OpenTelemetry.

/// The role of a span in a call between services ([SpanKind]).
///
/// [SpanKind]: https://opentelemetry.io/docs/specs/otel/trace/api/#spankind
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpanKind {
    /// Work inside this program. The default.
    #[default]
    Internal = 0,
    /// Handles a request from a remote client.
    Server = 1,
    /// Sends a request to a remote service and waits for it.
    Client = 2,
    /// Hands work over and does not wait for it.
    Producer = 3,
    /// Takes over work that a producer handed over.
    Consumer = 4,
}

impl SpanKind {
    #[cfg(feature = "record")]
    pub(crate) fn from_bits(bits: u16) -> Self {
        match bits {
            1 => Self::Server,
            2 => Self::Client,
            3 => Self::Producer,
            4 => Self::Consumer,
            _ => Self::Internal,
        }
    }
}

/// The status of a span ([status]).
///
/// [status]: https://opentelemetry.io/docs/specs/otel/trace/api/#set-status
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// No status was set. The default.
    #[default]
    Unset,
    /// Set explicitly for success. Final: later errors don't change it.
    Ok,
    /// The work failed; the text describes how, for people.
    Error(String),
}
