//! In which ways a server fails.

use std::time::Duration;

/// What a request for traces meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This status, with a text.
    Status(u16),
    /// This status with a text that repeats everything that came: headers, and the body before compression.
    Echo(u16),
    /// This status with a `Retry-After` header.
    RetryAfter(u16, String),
    /// The request is taken after this time.
    Sleep(Duration),
    /// No answer until the receiver is healed or closed; the request is not taken.
    Hang,
    /// The connection is closed without an answer; the request is not taken.
    Close,
    /// Taken but for so many spans, with this message. In JSON if asked for.
    Partial {
        /// How many spans are rejected: the first ones.
        rejected: usize,
        /// The message of the answer.
        message: String,
        /// In protobuf's JSON instead of protobuf.
        json: bool,
    },
}
