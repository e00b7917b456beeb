//! [`Usage`]: tokens of one call of a model.

/// How many tokens one call of a model took.
///
/// *Counts include each other*, as in OpenTelemetry's [conventions]: `input` has every token of the prompt, also those that
/// were read from a cache or written to one; `output` has every token of the answer, also those of reasoning. A detail with
/// `cache` in its name is a part of `input`, and `reasoning` one of `output`.
///
/// | provider | what it reports | here |
/// |---|---|---|
/// | OpenAI | `prompt_tokens` with `cached_tokens`, `completion_tokens` with `reasoning_tokens` | as it is; the crate `heirloom-openai` records it |
/// | Anthropic | `input_tokens` *without* `cache_read_input_tokens` and `cache_creation_input_tokens` | [`add_cache`](Self::add_cache) |
///
/// An exporter for a backend with another convention converts. The one for Langfuse, which adds all counts, sends each
/// without its parts.
///
/// ```
/// use heirloom_core::llm::Usage;
/// let openai = Usage::new(13_675, 120).detail("cache_read", 9_216).detail("cache_creation", 1_000);
/// let anthropic = Usage::new(3_459, 120).add_cache(9_216, 1_000);
/// assert_eq!(openai, anthropic);
/// ```
///
/// [conventions]: https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "usage is recorded by `usage` of an observation"]
pub struct Usage {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) details: Vec<(&'static str, u64)>,
}

impl Usage {
    /// All tokens of the prompt and of the answer.
    pub fn new(input: u64, output: u64) -> Self {
        Self { input: Some(input), output: Some(output), ..Self::default() }
    }

    /// Tokens of the prompt alone, for embeddings.
    pub fn input(input: u64) -> Self {
        Self { input: Some(input), ..Self::default() }
    }

    /// Adds the tokens of the prompt that were read from a cache and written to one, for providers that report them beside
    /// the input: they are added to it, and recorded as the details `cache_read` and `cache_creation`. Allocates.
    pub fn add_cache(mut self, read: u64, written: u64) -> Self {
        self.input = Some(self.input.unwrap_or(0).saturating_add(read).saturating_add(written));
        self.detail("cache_read", read).detail("cache_creation", written)
    }

    /// All tokens, if they are not the sum of both.
    pub fn total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// A finer count: `cache_read` or `cache_creation` of the input, `reasoning` of the output, `audio`, .. Allocates.
    pub fn detail(mut self, name: &'static str, count: u64) -> Self {
        self.details.push((name, count));
        self
    }
}
