//! The HTTP client and its threads. None of them records: the spans of its own requests, which a layer of `tracing` would
//! make of them, would cause further requests, and a thread that waits for room would wait for its own exporter.

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode};
use std::fmt;
use tokio::runtime::{Builder, Runtime};

/// Upper bound for the bytes of a response that are read; responses are much shorter.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A client, and the runtime that drives its connections on one thread. The caller's thread waits.
pub(crate) struct Http {
    client: Client,
    /// `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// A response.
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body of a successful response, at most [`MAX_ANSWER_BYTES`] of it.
    pub(crate) body: Vec<u8>,
    /// Whether the body broke off.
    pub(crate) is_cut: bool,
}

impl Http {
    /// Starts the thread that drives this client.
    pub(crate) fn new(client: Client) -> Result<Self, String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("heirloom-langfuse-io")
            .on_thread_start(heirloom_core::never_record_here)
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| format!("the HTTP client's thread can't be started: {error}"))?;
        Ok(Self { client, runtime: Some(runtime) })
    }

    /// Sends one request, and waits for the response at most as long as the client's timeout. Not to be called inside a
    /// runtime.
    pub(crate) fn send(&self, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<Received, reqwest::Error> {
        let Some(runtime) = &self.runtime else { unreachable!("it is only taken by drop") };
        runtime.block_on(receive(request(&self.client)))
    }
}

async fn receive(request: RequestBuilder) -> Result<Received, reqwest::Error> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let (mut body, mut is_cut) = (Vec::new(), false);
    while status.is_success() && body.len() < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES - body.len())]),
            Ok(None) => break,
            Err(_) => {
                is_cut = true;
                break;
            }
        }
    }
    Ok(Received { status, headers, body, is_cut })
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Drop for Http {
    /// A look-up of a name may block one of its threads; nothing waits for that.
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{transport, Config};

    #[test]
    fn no_thread_of_the_client_records() {
        let guard = heirloom_core::builder("client").settings(Default::default()).start().unwrap();
        let tracer = guard.tracer().clone();
        assert!(tracer.root("here").is_recording());
        let client = transport::client(&Config::new("pk-lf-1", "sk-lf-2")).unwrap();
        let http = Http::new(client).unwrap();
        let runtime = http.runtime.as_ref().unwrap();
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
}
