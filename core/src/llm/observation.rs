//! The kind of work that a span stands for, and its severity.

use core::fmt;
use core::str::FromStr;

/// The kind of work that a span stands for.
///
/// ```
/// use heirloom_core::llm::ObservationType;
/// assert_eq!("tool".parse(), Ok(ObservationType::Tool));
/// assert_eq!(ObservationType::Generation.name(), "generation");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObservationType {
    /// Work of any kind.
    #[default]
    Span,
    /// A call of a language model: the one that has usage and cost.
    Generation,
    /// Something that happened at one moment.
    Event,
    /// A call of a model that makes embeddings.
    Embedding,
    /// An agent that decides what to do next.
    Agent,
    /// A tool that an agent called.
    Tool,
    /// A step that joins others.
    Chain,
    /// A look-up in a store of documents.
    Retriever,
    /// A judgement of another step's output.
    Evaluator,
    /// A check that lets something pass or not.
    Guardrail,
}

impl ObservationType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Span,
        Self::Generation,
        Self::Event,
        Self::Embedding,
        Self::Agent,
        Self::Tool,
        Self::Chain,
        Self::Retriever,
        Self::Evaluator,
        Self::Guardrail,
    ];

    /// The name under which it is recorded.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Generation => "generation",
            Self::Event => "event",
            Self::Embedding => "embedding",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Chain => "chain",
            Self::Retriever => "retriever",
            Self::Evaluator => "evaluator",
            Self::Guardrail => "guardrail",
        }
    }

    /// The operation's name in OpenTelemetry's GenAI conventions, if they have one.
    pub const fn operation(self) -> Option<&'static str> {
        match self {
            Self::Generation => Some("chat"),
            Self::Embedding => Some("embeddings"),
            Self::Agent => Some("invoke_agent"),
            Self::Tool => Some("execute_tool"),
            _ => None,
        }
    }
}

impl fmt::Display for ObservationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a text that isn't the name of a kind of observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseObservationTypeError(String);

impl fmt::Display for ParseObservationTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no type of observation; there are ", self.0)?;
        for (i, known) in ObservationType::ALL.iter().enumerate() {
            write!(f, "{}{known}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseObservationTypeError {}

impl FromStr for ObservationType {
    type Err = ParseObservationTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| ParseObservationTypeError(text.to_owned()))
    }
}

/// The severity of an observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// For debugging only.
    Debug,
    /// Normal.
    #[default]
    Default,
    /// Something is not as it should be.
    Warning,
    /// It failed.
    Error,
}

impl Level {
    /// The name under which it is recorded.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Default => "DEFAULT",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
