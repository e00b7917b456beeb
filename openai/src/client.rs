//! [`Client`]: the drop-in for `async_openai::Client`.

use crate::call::Options;
use crate::server::Server;
use crate::traced::Traced;
use async_openai::config::{Config, OpenAIConfig};
use async_openai::{Chat, Completions, Embeddings, Responses};
use heirloom_core::Context;
use std::ops::Deref;

/// A client whose calls of models are traced: `use heirloom::openai::Client` instead of `use async_openai::Client`.
///
/// Make it like `async-openai`'s client, or from one by `Client::from`. The groups [`chat`](Self::chat),
/// [`responses`](Self::responses), [`embeddings`](Self::embeddings) and [`completions`](Self::completions) are
/// [`Traced`]. The other groups, `config` and all other methods are those of `async-openai` by [`Deref`], and record no spans.
///
/// Each call is a child of the context that is current when its future is first polled; a root if there is none.
///
/// ```
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # use async_openai::{config::OpenAIConfig, types::completions::CreateCompletionRequestArgs};
/// use heirloom_openai::Client;
/// # let server = server::Server::start();
/// # let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
/// # let answer = async {
/// let client = Client::with_config(config).capture(true);
/// let request = CreateCompletionRequestArgs::default().model("m-small").prompt("6 x 7 =").build()?;
/// println!("{}", client.completions().create(request).await?.choices[0].text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # };
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(answer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client<C: Config> {
    inner: async_openai::Client<C>,
    options: Options,
}

impl Client<OpenAIConfig> {
    /// As `async_openai::Client::new`: settings from the environment (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, ..).
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C: Config + Default> Default for Client<C> {
    fn default() -> Self {
        Self::with_config(C::default())
    }
}

/// Traces the calls of an existing client.
impl<C: Config> From<async_openai::Client<C>> for Client<C> {
    fn from(inner: async_openai::Client<C>) -> Self {
        let server = Server::of(inner.config().api_base());
        Self { inner, options: Options { server, ..Options::default() } }
    }
}

impl<C: Config> Client<C> {
    /// As `async_openai::Client::with_config`.
    pub fn with_config(config: C) -> Self {
        Self::build(reqwest::Client::new(), config)
    }

    /// As `async_openai::Client::build`.
    pub fn build(http_client: reqwest::Client, config: C) -> Self {
        #[cfg(not(feature = "middleware"))]
        let inner = async_openai::Client::build(http_client, config);
        #[cfg(feature = "middleware")]
        let inner = crate::attempts::client(http_client, config);
        inner.into()
    }

    /// As `async_openai::Client::with_http_client`.
    pub fn with_http_client(self, http_client: reqwest::Client) -> Self {
        #[cfg(not(feature = "middleware"))]
        let inner = self.inner.with_http_client(http_client);
        #[cfg(feature = "middleware")]
        let inner =
            self.inner.with_http_client(http_client.clone()).with_http_service(crate::attempts::service(http_client));
        Self { inner, ..self }
    }

    /// As `async_openai::Client::with_http_service`.
    ///
    /// Counts how often the service, or a retry layer in it, builds the request: `http.request.resend_count`.
    #[cfg(feature = "middleware")]
    pub fn with_http_service<S>(self, service: S) -> Self
    where
        S: tower::Service<async_openai::middleware::HttpRequestFactory, Response = reqwest::Response>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
        S::Error: Into<async_openai::error::OpenAIError> + Send + Sync + 'static,
    {
        Self { inner: self.inner.with_http_service(crate::attempts::Counting(service)), ..self }
    }

    /// Sets whether inputs and outputs are captured. By default they are not. See [`Traced::capture`].
    pub fn capture(mut self, capture: bool) -> Self {
        self.options.capture = capture;
        self
    }

    /// Makes `cx` the parent of all calls, instead of the context that is current when each starts.
    pub fn traced(mut self, cx: impl Into<Context>) -> Self {
        self.options.parent = Some(cx.into());
        self
    }

    /// Chat completions.
    pub fn chat(&self) -> Traced<Chat<'_, C>> {
        Traced::new(self.inner.chat(), self.options.clone())
    }

    /// The Responses API.
    pub fn responses(&self) -> Traced<Responses<'_, C>> {
        Traced::new(self.inner.responses(), self.options.clone())
    }

    /// Embeddings.
    pub fn embeddings(&self) -> Traced<Embeddings<'_, C>> {
        Traced::new(self.inner.embeddings(), self.options.clone())
    }

    /// Legacy completions.
    pub fn completions(&self) -> Traced<Completions<'_, C>> {
        Traced::new(self.inner.completions(), self.options.clone())
    }
}

impl<C: Config> Deref for Client<C> {
    type Target = async_openai::Client<C>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}
