//! A server with Langfuse's interface, for tests.
//!
//! It serves real HTTP on a loopback port, and accepts OTLP in protobuf, gzip and authentication. It stores the spans,
//! checks them against the format of Langfuse's own SDK (see [`contract`]), and can simulate the failures of a server.
//!
//! ```
//! use heirloom_receiver::Receiver;
//! let receiver = Receiver::start();
//! println!("LANGFUSE_BASE_URL={}", receiver.url());
//! assert!(receiver.spans().is_empty());
//! receiver.assert_contract();
//! ```

pub mod contract;
mod endpoint;
mod fault;
mod http;
mod serve;
mod span;

pub use fault::Fault;
pub use span::{Attributes, Origin, Received, Value};

use contract::Violation;
use serve::{Door, State};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The public key that a receiver accepts.
pub const PUBLIC_KEY: &str = "pk-lf-receiver";
/// The secret key that belongs to it.
pub const SECRET_KEY: &str = "sk-lf-receiver";

/// A received request, accepted or not.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, ..
    pub method: String,
    /// The path.
    pub path: String,
    /// Names in lowercase.
    pub headers: Vec<(String, String)>,
    /// The size of the body in bytes, as sent.
    pub body_bytes: usize,
    /// The size of the body before compression; zero if it could not be read.
    pub plain_bytes: usize,
    /// The number of spans in the request.
    pub spans: usize,
    /// The status of the response; zero if there was none.
    pub status: u16,
    /// When the request was complete.
    pub at: Instant,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running server. It closes its port when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    state: Arc<State>,
    door: Door,
    url: String,
}

impl Receiver {
    /// Starts a server that accepts [`PUBLIC_KEY`] and [`SECRET_KEY`].
    ///
    /// # Panics
    /// No loopback port is available.
    pub fn start() -> Self {
        Self::with_keys(PUBLIC_KEY, SECRET_KEY)
    }

    /// Starts a server that accepts these keys.
    ///
    /// # Panics
    /// No loopback port is available.
    pub fn with_keys(public_key: &str, secret_key: &str) -> Self {
        let state = Arc::new(State::new(public_key, secret_key));
        let door = Door::open_any(&state);
        Self { url: format!("http://127.0.0.1:{}", door.port()), state, door }
    }

    /// The base URL: the value for `LANGFUSE_BASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A copy of the accepted spans, in the order of their arrival.
    pub fn spans(&self) -> Vec<Received> {
        self.with_spans(<[Received]>::to_vec)
    }

    /// Passes the spans to a closure, without a copy.
    pub fn with_spans<R>(&self, look: impl FnOnce(&[Received]) -> R) -> R {
        look(&self.state.kept().spans)
    }

    /// The only span with this name.
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    pub fn span(&self, name: &str) -> Received {
        let mut found = self.spans();
        found.retain(|span| span.name == name);
        assert_eq!(found.len(), 1, "spans named {name:?}");
        found.remove(0)
    }

    /// All received requests, accepted or not.
    pub fn requests(&self) -> Vec<Request> {
        self.state.kept().requests.clone()
    }

    /// All violations of the contract. It also checks the tree, so call it after all spans have arrived.
    pub fn violations(&self) -> Vec<Violation> {
        let kept = self.state.kept();
        let mut all = kept.violations.clone();
        all.extend(contract::tree(&kept.spans));
        all
    }

    /// Checks that there are no violations of the contract.
    ///
    /// # Panics
    /// There are violations; the message has the first twenty.
    #[track_caller]
    pub fn assert_contract(&self) {
        let violations = self.violations();
        let first: Vec<String> = violations.iter().take(20).map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{} violations of the contract:\n{}", violations.len(), first.join("\n"));
    }

    /// The next `times` requests with traces fail like this.
    pub fn fail_next(&self, requests: usize, fault: Fault) {
        self.state.kept().faults.extend(std::iter::repeat_n(fault, requests));
    }

    /// Every request with traces fails like this, after the failures of [`fail_next`](Self::fail_next) are used up.
    pub fn fail_always(&self, fault: Fault) {
        self.state.kept().standing = Some(fault);
    }

    /// Ends all failures; hanging requests get their response.
    pub fn heal(&self) {
        let mut kept = self.state.kept();
        kept.faults.clear();
        kept.standing = None;
        drop(kept);
        self.state.wake();
    }

    /// Responds with 413 to bodies of more than `bytes` bytes, as sent.
    pub fn refuse_over(&self, bytes: usize) {
        self.state.kept().max_body_bytes = bytes;
    }

    /// Closes the port and every connection: new connections are refused.
    pub fn close(&mut self) {
        self.door.close(&self.state);
    }

    /// Opens the same port again.
    ///
    /// # Panics
    /// Another program has opened the port.
    pub fn open(&mut self) {
        self.door.open(&self.state);
    }

    /// Waits until this many spans have been accepted; returns false after the deadline.
    pub fn wait_for_spans(&self, spans: usize, deadline: Duration) -> bool {
        self.state.wait(deadline, |kept| kept.spans.len() >= spans)
    }

    /// Waits until this many requests have been received; returns false after the deadline.
    pub fn wait_for_requests(&self, requests: usize, deadline: Duration) -> bool {
        self.state.wait(deadline, |kept| kept.requests.len() >= requests)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close();
    }
}
