//! A Langfuse-shaped server for tests.
//!
//! Real HTTP on a loopback port, real OTLP in protobuf, gzip, authentication. It keeps what it got, checks all of it
//! against what Langfuse's own SDK sends (see [`contract`]), and can be made to fail in each way that a server fails.
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

/// A request that came, whatever became of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, ..
    pub method: String,
    /// The path.
    pub path: String,
    /// Names in lowercase.
    pub headers: Vec<(String, String)>,
    /// How many bytes the body had on its way.
    pub body_bytes: usize,
    /// How many it had before compression; zero if it could not be read.
    pub plain_bytes: usize,
    /// How many spans were in it.
    pub spans: usize,
    /// The status of the answer; zero if there was none.
    pub status: u16,
    /// When it had come.
    pub at: Instant,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running server. Dropped, it closes its port.
#[derive(Debug)]
pub struct Receiver {
    state: Arc<State>,
    door: Door,
    url: String,
}

impl Receiver {
    /// Starts one that accepts [`PUBLIC_KEY`] and [`SECRET_KEY`].
    ///
    /// # Panics
    /// There is no loopback port.
    pub fn start() -> Self {
        Self::with_keys(PUBLIC_KEY, SECRET_KEY)
    }

    /// Starts one that accepts these keys.
    ///
    /// # Panics
    /// There is no loopback port.
    pub fn with_keys(public_key: &str, secret_key: &str) -> Self {
        let state = Arc::new(State::new(public_key, secret_key));
        let door = Door::open_any(&state);
        Self { url: format!("http://127.0.0.1:{}", door.port()), state, door }
    }

    /// The base URL: what goes into `LANGFUSE_BASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A copy of the spans that were taken, in the order in which they came.
    pub fn spans(&self) -> Vec<Received> {
        self.with_spans(<[Received]>::to_vec)
    }

    /// Looks at the spans without copying them.
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

    /// The requests that came, whatever became of them.
    pub fn requests(&self) -> Vec<Request> {
        self.state.kept().requests.clone()
    }

    /// What was sent that is not as the contract says. Also looks at the tree: call it when everything has come.
    pub fn violations(&self) -> Vec<Violation> {
        let kept = self.state.kept();
        let mut all = kept.violations.clone();
        all.extend(contract::tree(&kept.spans));
        all
    }

    /// Checks that everything was as the contract says.
    ///
    /// # Panics
    /// Something was not; the message has the first twenty.
    #[track_caller]
    pub fn assert_contract(&self) {
        let violations = self.violations();
        let first: Vec<String> = violations.iter().take(20).map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{} violations of the contract:\n{}", violations.len(), first.join("\n"));
    }

    /// The next so many requests for traces meet this fault.
    pub fn fail_next(&self, requests: usize, fault: Fault) {
        self.state.kept().faults.extend(std::iter::repeat_n(fault, requests));
    }

    /// Every request for traces meets this fault, once the ones of [`fail_next`](Self::fail_next) are used up.
    pub fn fail_always(&self, fault: Fault) {
        self.state.kept().standing = Some(fault);
    }

    /// No more faults; requests that hang get their answer.
    pub fn heal(&self) {
        let mut kept = self.state.kept();
        kept.faults.clear();
        kept.standing = None;
        drop(kept);
        self.state.wake();
    }

    /// Answers 413 to bodies of more than so many bytes on their way.
    pub fn refuse_over(&self, bytes: usize) {
        self.state.kept().max_body_bytes = bytes;
    }

    /// Closes the port and every connection: connections are refused from now on.
    pub fn close(&mut self) {
        self.door.close(&self.state);
    }

    /// Opens the same port again.
    ///
    /// # Panics
    /// Somebody else has it.
    pub fn open(&mut self) {
        self.door.open(&self.state);
    }

    /// Waits until so many spans have been taken; returns whether they have before the deadline.
    pub fn wait_for_spans(&self, spans: usize, deadline: Duration) -> bool {
        self.state.wait(deadline, |kept| kept.spans.len() >= spans)
    }

    /// Waits until so many requests have come; returns whether they have before the deadline.
    pub fn wait_for_requests(&self, requests: usize, deadline: Duration) -> bool {
        self.state.wait(deadline, |kept| kept.requests.len() >= requests)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close();
    }
}
