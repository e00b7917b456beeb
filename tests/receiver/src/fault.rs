//! The failures that the server can simulate.

use std::time::Duration;

/// A failure for a request with traces.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This status, with a text.
    Status(u16),
    /// This status with a text that repeats the request: headers, and the body before compression.
    Echo(u16),
    /// This status with a `Retry-After` header.
    RetryAfter(u16, String),
    /// This status with a `Location` header: a redirect to another address.
    Redirect(u16, String),
    /// The request is accepted after this time.
    Sleep(Duration),
    /// No response until the receiver is healed or closed; the request is not accepted.
    Hang,
    /// The connection is closed without a response; the request is not accepted.
    Close,
    /// Accepted except for some spans: a partial success.
    Partial {
        /// The number of rejected spans: the first ones.
        rejected: usize,
        /// The message of the response.
        message: String,
        /// Whether the response is protobuf's JSON instead of protobuf.
        json: bool,
    },
}
