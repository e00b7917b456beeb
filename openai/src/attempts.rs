//! Counts the attempts of a call, each time that `async-openai` builds the request.
//!
//! While the call's future is polled, its counter is in a thread-local, where the service below the client finds it.

use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::middleware::{HttpRequestFactory, ReqwestService};
use std::cell::RefCell;
use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer as _, Service};

/// The counter of one call. Its ordering against other memory doesn't matter, since the futures synchronise its uses.
type Counter = Arc<AtomicU32>;

thread_local! {
    static CURRENT: RefCell<Option<Counter>> = const { RefCell::new(None) };
}

/// Restores the counter of another call.
struct Scope(Option<Counter>);

impl Scope {
    fn enter(counter: &Counter) -> Self {
        Self(CURRENT.replace(Some(Arc::clone(counter))))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Runs a call. Returns its result, and how often the request was built.
pub(crate) async fn counted<F: Future>(call: F) -> (F::Output, u32) {
    let counter = Counter::default();
    let mut call = pin!(call);
    let output = poll_fn(|task| {
        let _scope = Scope::enter(&counter);
        call.as_mut().poll(task)
    })
    .await;
    (output, counter.load(Ordering::Relaxed))
}

/// A service that counts the attempts of the service below it.
#[derive(Clone, Debug)]
pub(crate) struct Counting<S>(pub(crate) S);

impl<S: Service<HttpRequestFactory>> Service<HttpRequestFactory> for Counting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, request: HttpRequestFactory) -> S::Future {
        let Some(counter) = CURRENT.with_borrow(Option::clone) else { return self.0.call(request) };
        self.0.call(HttpRequestFactory::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            let request = request.clone();
            async move { request.build().await }
        }))
    }
}

/// `async-openai`'s client with its default service, counted.
pub(crate) fn client<C: Config>(http_client: reqwest::Client, config: C) -> async_openai::Client<C> {
    let service = service(http_client.clone());
    async_openai::Client::build(http_client, config).with_http_service(service)
}

/// `async-openai`'s default service, counted.
pub(crate) fn service(
    http_client: reqwest::Client,
) -> impl Service<
    HttpRequestFactory,
    Response = reqwest::Response,
    Error = OpenAIError,
    Future = impl Future<Output = Result<reqwest::Response, OpenAIError>> + Send,
> + Clone
       + Send
       + Sync {
    Counting(OpenAIRetryLayer::default().layer(ReqwestService::new(http_client)))
}
