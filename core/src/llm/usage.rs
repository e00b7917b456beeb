//! [`Usage`]: tokens of one call of a model.

/// How many tokens one call of a model took.
///
/// ```
/// use heirloom_core::llm::Usage;
/// let usage = Usage::new(12, 40).detail("cache_read", 5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "usage is recorded by `usage` of an observation"]
pub struct Usage {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) details: Vec<(&'static str, u64)>,
}

impl Usage {
    /// Tokens of the prompt and of the answer.
    pub fn new(input: u64, output: u64) -> Self {
        Self { input: Some(input), output: Some(output), ..Self::default() }
    }

    /// Tokens of the prompt alone, for embeddings.
    pub fn input(input: u64) -> Self {
        Self { input: Some(input), ..Self::default() }
    }

    /// All tokens, if they are not the sum of both.
    pub fn total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// A finer count: `cache_read`, `reasoning`, `audio`, .. Allocates.
    pub fn detail(mut self, name: &'static str, count: u64) -> Self {
        self.details.push((name, count));
        self
    }
}
