//! The text forms that carry a trace to another process: W3C [`traceparent`], [`tracestate`] and [`baggage`].
//!
//! | header, environment variable | type | what it carries |
//! |---|---|---|
//! | `traceparent`, `TRACEPARENT` | [`Context`](crate::Context), [`Traceparent`] | trace id, parent's span id, flags |
//! | `tracestate`, `TRACESTATE` | [`TraceState`] | what each tracing system wants to find again |
//! | `baggage`, `BAGGAGE` | [`Baggage`] | the application's own keys and values |
//!
//! What a process finds in its own environment is [`Context::from_env`](crate::Context::from_env).
//!
//! Where several headers of one name arrive, join them with commas before parsing. A `tracestate` without a valid
//! `traceparent` must be ignored; a bad `tracestate` must not make you ignore the `traceparent`.
//!
//! [`traceparent`]: https://www.w3.org/TR/trace-context-2/#traceparent-header
//! [`tracestate`]: https://www.w3.org/TR/trace-context-2/#tracestate-header
//! [`baggage`]: https://www.w3.org/TR/baggage/

pub use baggage::{Baggage, BaggageDropped, BaggageMember, InsertBaggageError};
pub use traceparent::{ParseTraceparentError, Traceparent};
pub use tracestate::{InsertTraceStateError, ParseTraceStateError, TraceState};

mod baggage;
pub(crate) mod percent;
mod traceparent;
mod tracestate;

/// What HTTP calls optional whitespace, which is not part of a header's value or of a list's members ([RFC 9110]).
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
