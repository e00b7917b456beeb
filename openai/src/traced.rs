//! [`Traced`]: a group of calls that are traced.

use crate::call::Options;
use async_openai::config::Config;
use async_openai::traits::RequestOptionsBuilder;
use async_openai::{Chat, Completions, Embeddings, RequestOptions, Responses};
use heirloom_core::Context;
use std::ops::Deref;

/// A group of `async-openai` ([`Chat`], [`Responses`], [`Embeddings`] or [`Completions`]) whose calls are traced.
///
/// Made by [`TracedCalls::traced`] from any client's group, and by the groups of the drop-in [`Client`](crate::Client).
///
/// The methods that call a model (`create`, `create_stream`, ..) are traced, with the group's signatures. All other methods are
/// those of the group by [`Deref`] and record no spans: methods that read stored answers (`list`, `retrieve`, ..), and those ending
/// in `_byot`. `header`, `query` and `path` come from [`RequestOptionsBuilder`], as on the group.
#[derive(Clone, Debug)]
#[must_use = "a group does nothing until one of its methods is called"]
pub struct Traced<G> {
    pub(crate) group: G,
    pub(crate) options: Options,
}

impl<G> Traced<G> {
    pub(crate) fn new(group: G, options: Options) -> Self {
        Self { group, options }
    }

    /// Makes `cx` the parent of the calls, instead of the context that is current when each starts.
    pub fn traced(mut self, cx: impl Into<Context>) -> Self {
        self.options.parent = Some(cx.into());
        self
    }

    /// Sets whether inputs and outputs are captured. The default is the [`Client`](crate::Client)'s setting, else off.
    ///
    /// Capture follows the tracer's settings ([`heirloom_core::Capture`], `HEIRLOOM_CAPTURE`): limit, mask, denied keys.
    /// At most 1 MiB of a stream's text is kept for the output.
    pub fn capture(mut self, capture: bool) -> Self {
        self.options.capture = capture;
        self
    }
}

impl<G> Deref for Traced<G> {
    type Target = G;

    fn deref(&self) -> &G {
        &self.group
    }
}

impl<G: RequestOptionsBuilder> RequestOptionsBuilder for Traced<G> {
    fn options_mut(&mut self) -> &mut RequestOptions {
        self.group.options_mut()
    }

    fn options(&self) -> &RequestOptions {
        self.group.options()
    }
}

/// Traces the calls of one of `async-openai`'s groups.
///
/// ```
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// use async_openai::{config::OpenAIConfig, types::embeddings::CreateEmbeddingRequestArgs, Client};
/// use heirloom_openai::TracedCalls as _;
/// # let server = server::Server::start();
/// # let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
/// # let answer = async {
/// let client = Client::with_config(config);
/// let request = CreateEmbeddingRequestArgs::default().model("e-small").input("some text").build()?;
/// let indexing = heirloom_core::root("index");
/// let answer = client.embeddings().traced(&indexing).create(request).await?;
/// assert_eq!(answer.data.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # };
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(answer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TracedCalls: sealed::Group + Sized {
    /// Records a span below `cx`, a context or a span, for each call. Costs nothing until a call is made.
    fn traced(self, cx: impl Into<Context>) -> Traced<Self> {
        Traced::new(self, Options { parent: Some(cx.into()), ..Options::default() })
    }
}

impl<G: sealed::Group> TracedCalls for G {}

mod sealed {
    use super::{Chat, Completions, Config, Embeddings, Responses};

    /// A group with calls of a model.
    pub trait Group {}
    impl<C: Config> Group for Chat<'_, C> {}
    impl<C: Config> Group for Completions<'_, C> {}
    impl<C: Config> Group for Embeddings<'_, C> {}
    impl<C: Config> Group for Responses<'_, C> {}
}
