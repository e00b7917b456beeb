//! The HTTP client and its threads. None of them records: the spans of its own requests, which a layer of `tracing` would
//! make of them, would cause further requests, and a thread that waits for room would wait for its own exporter.

use super::retry::Failure;
use super::target::{Compression, Target};
use super::tls;
use bytes::Bytes;
use heirloom_core::environment;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{redirect, RequestBuilder, StatusCode};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Upper bound for the bytes of a response that are read; those of OTLP are much shorter.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// How long an idle connection is kept. A server that keeps connections for longer doesn't close one while a request is
/// sent.
const MAX_IDLE: Duration = Duration::from_secs(4);
/// Interval of the checks whether the tracer is ending, while a request is in flight.
const LOOK: Duration = Duration::from_millis(50);

/// A client of one target, and the runtime that drives its connections on one thread. The caller's thread waits.
pub(super) struct Client {
    client: reqwest::Client,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// A response.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty if the status isn't a success.
    pub(super) body: Body,
}

/// A response of a backend to another request than one with spans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// The body of a success. Empty if it is longer than 64 KiB.
    pub body: Vec<u8>,
}

/// The body of a response.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    /// Longer than [`MAX_ANSWER_BYTES`]; the rest was not read.
    TooLong,
}

impl Client {
    /// Starts the thread that drives this client.
    pub(super) fn new(target: &Target) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            // The system's names of threads end at a NUL.
            .thread_name(format!("heirloom-{}-io", target.name.replace('\0', "")))
            .on_thread_start(heirloom_core::never_record_here)
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| format!("the HTTP client's thread can't be started: {error}"))?;
        Ok(Self { client: client(target)?, runtime: Some(runtime) })
    }

    /// Sends a body as one request of OTLP. Fails if there is no whole response by the earlier of two times: the target's timeout,
    /// and what `until` returns, which is called again and again.
    pub(super) fn post(
        &self,
        target: &Target,
        body: &Bytes,
        until: impl FnMut() -> Option<Instant>,
    ) -> Result<Received, Failure> {
        let request = self.client.post(target.url.reveal()).header(CONTENT_TYPE, target.format.content_type());
        let request = match target.compression {
            Compression::Gzip => request.header(CONTENT_ENCODING, "gzip"),
            Compression::None => request,
        };
        self.send(request.body(body.clone()), target.timeout, until)
    }

    /// Asks for this address, within the target's timeout.
    pub(super) fn get(&self, target: &Target, url: &str) -> Result<Response, Failure> {
        let received = self.send(self.client.get(url), target.timeout, || None)?;
        let body = match received.body {
            Body::Whole(body) => body,
            Body::TooLong => Vec::new(),
        };
        Ok(Response { status: received.status.as_u16(), body })
    }

    fn send(
        &self,
        request: RequestBuilder,
        timeout: Duration,
        until: impl FnMut() -> Option<Instant>,
    ) -> Result<Received, Failure> {
        let Some(runtime) = &self.runtime else { unreachable!("it is only taken by drop") };
        runtime.block_on(in_time(receive(request.timeout(timeout)), until))
    }
}

/// Waits for a future, and checks meanwhile how long it may wait.
async fn in_time<T>(
    future: impl Future<Output = Result<T, Failure>>,
    mut until: impl FnMut() -> Option<Instant>,
) -> Result<T, Failure> {
    let mut future = pin!(future);
    loop {
        let left = until().map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(lost("no response before the tracer had to end"));
        }
        let wait = left.map_or(LOOK, |left| left.min(LOOK));
        if let Ok(result) = tokio::time::timeout(wait, future.as_mut()).await {
            return result;
        }
    }
}

async fn receive(request: RequestBuilder) -> Result<Received, Failure> {
    let mut response = request.send().await.map_err(|error| failure(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = if status.is_success() { read(&mut response).await? } else { Body::Whole(Vec::new()) };
    Ok(Received { status, headers, body })
}

/// A body that breaks off is no response: the server may not have taken the spans.
async fn read(response: &mut reqwest::Response) -> Result<Body, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Ok(Body::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Body::Whole(body))
}

/// A failure without a response. The error's own text isn't used, because it may contain anything.
fn failure(error: &reqwest::Error) -> Failure {
    if let Some(why) = tls_failure(error) {
        Failure { is_there: false, ..lost(why) }
    } else if error.is_timeout() {
        lost("no response before the deadline")
    } else if error.is_connect() {
        Failure { is_there: false, ..lost(&format!("no connection to {}", server(error))) }
    } else if error.is_body() || error.is_decode() {
        lost("the connection was lost during the response")
    } else {
        lost("the connection was lost")
    }
}

/// The server's host and port. The rest of its address may be secret.
fn server(error: &reqwest::Error) -> String {
    let address = |url: &reqwest::Url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?));
    error.url().and_then(address).unwrap_or_else(|| "the server".to_owned())
}

/// The reason if TLS failed, which more tries won't change soon.
fn tls_failure(error: &reqwest::Error) -> Option<&'static str> {
    Some(match of_tls(error.source()?)? {
        rustls::Error::InvalidCertificate(_) => "the server's certificate is not trusted, or not for this address",
        _ => "TLS with the server failed",
    })
}

/// The error of TLS among the causes of an error. An error of I/O doesn't name the error inside it as its source.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inside = || of_tls(error.downcast_ref::<io::Error>()?.get_ref()?);
    let below = || of_tls(error.source()?);
    error.downcast_ref().or_else(inside).or_else(below)
}

fn lost(why: &str) -> Failure {
    Failure { why: why.to_owned(), after: None, is_there: true }
}

fn client(target: &Target) -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(MAX_IDLE)
        .user_agent(concat!("heirloom-otlp/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(target)?)
        .tls_backend_preconfigured(tls::settings(target)?);
    // The client takes a proxy from the environment, which the user of such a program chooses.
    let builder = if environment::is_elevated() { builder.no_proxy() } else { builder };
    builder.build().map_err(|_| "the HTTP client can't be created".to_owned())
}

/// The target's headers, which `Debug` doesn't show. Of several with one name, the last one counts.
fn headers(target: &Target) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &target.headers {
        let (Some(name), Some(value)) = (header_name(name), header_value(value.reveal())) else {
            return Err(format!("the header {name:?} contains characters that a header can't have"));
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

pub(crate) fn header_name(text: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(text.as_bytes()).ok()
}

/// A header's value that `Debug` doesn't show.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Drop for Client {
    /// A look-up of a name may block one of its threads; nothing waits for that.
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::secret::Secret;
    use super::super::target::tests::target;
    use super::*;

    #[test]
    fn no_thread_of_the_client_records() {
        let guard = heirloom_core::builder("client").settings(Default::default()).start().unwrap();
        let tracer = guard.tracer().clone();
        assert!(tracer.root("here").is_recording());
        let client = Client::new(&target()).unwrap();
        let runtime = client.runtime.as_ref().unwrap();
        let of = |name: &'static str| {
            let tracer = tracer.clone();
            move || tracer.root(name).is_recording()
        };
        let (task, blocking) = (of("task"), of("blocking"));
        let recorded = runtime.block_on(async {
            let task = tokio::spawn(async move { task() });
            (task.await.unwrap(), tokio::task::spawn_blocking(blocking).await.unwrap())
        });
        assert_eq!(recorded, (false, false));
    }

    #[test]
    fn headers_with_a_key_are_not_shown() {
        let mut target = target();
        target.headers = vec![("authorization".into(), Secret::new("Basic canary"))];
        let shown = format!("{target:?} {:?}", headers(&target).unwrap());
        assert!(shown.contains("authorization") && !shown.contains("canary"), "{shown}");
    }
}
