//! The text forms of a trace for other processes: W3C [`traceparent`], [`tracestate`] and [`baggage`].
//!
//! | header, environment variable | type | content |
//! |---|---|---|
//! | `traceparent`, `TRACEPARENT` | [`Context`](crate::Context), [`Traceparent`] | trace id, parent's span id, flags |
//! | `tracestate`, `TRACESTATE` | [`TraceState`] | values of the tracing systems on the way |
//! | `baggage`, `BAGGAGE` | [`Baggage`] | the application's keys and values |
//!
//! [`Context::from_headers`](crate::Context::from_headers) reads all three, and
//! [`Context::from_env`](crate::Context::from_env) those in a process's own environment.
//!
//! Join several headers of one name with commas before parsing. Ignore a `tracestate` without a valid `traceparent`.
//! Don't ignore a `traceparent` because its `tracestate` is invalid.
//!
//! [`traceparent`]: https://www.w3.org/TR/trace-context-2/#traceparent-header
//! [`tracestate`]: https://www.w3.org/TR/trace-context-2/#tracestate-header
//! [`baggage`]: https://www.w3.org/TR/baggage/

pub use baggage::{Baggage, BaggageDropped, BaggageMember, InsertBaggageError};
pub use traceparent::{ParseTraceparentError, Traceparent};
pub use tracestate::{InsertTraceStateError, ParseTraceStateError, TraceState};

mod baggage;
#[cfg(feature = "record")]
mod headers;
pub(crate) mod percent;
mod traceparent;
mod tracestate;

/// HTTP's optional whitespace, which is not part of a header's value or of a list's members ([RFC 9110]).
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#name-whitespace
pub(crate) const OPTIONAL_WHITESPACE: [char; 2] = [' ', '\t'];

#[cfg(test)]
pub(crate) mod test_bytes {
    /// A tiny reproducible source of test input (xorshift64).
    pub(crate) struct Random(pub(crate) u64);

    impl Random {
        pub(crate) fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        pub(crate) fn below(&mut self, n: usize) -> usize {
            (self.next() % n as u64) as usize
        }

        /// Up to `max` characters of `alphabet`.
        pub(crate) fn text(&mut self, alphabet: &str, max: usize) -> String {
            let chars: Vec<char> = alphabet.chars().collect();
            (0..self.below(max + 1)).map(|_| chars[self.below(chars.len())]).collect()
        }
    }
}
