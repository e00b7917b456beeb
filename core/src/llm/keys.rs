//! The attribute keys of the vocabulary.
//!
//! A key is OpenTelemetry's where there is one ([GenAI conventions]). Inputs and outputs have OpenInference's keys
//! ([semantic conventions]), which most backends for such traces read. The others have the prefix `heirloom.`. An
//! exporter for a backend with other names translates at export (the crate `heirloom-langfuse` does).
//!
//! [GenAI conventions]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
//! [semantic conventions]: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md

/// Text: the kind of work, one of the names of [`ObservationType`](super::ObservationType).
pub const OBSERVATION_TYPE: &str = "heirloom.observation.type";
/// Text: the input, as JSON.
pub const INPUT: &str = "input.value";
/// Text: the output, as JSON.
pub const OUTPUT: &str = "output.value";
/// Prefix of a key of the caller's metadata; the value is a scalar, or JSON in a text.
pub const METADATA: &str = "heirloom.metadata.";
/// Text: the severity: `DEBUG`, `DEFAULT`, `WARNING` or `ERROR`.
pub const LEVEL: &str = "heirloom.level";
/// Text: an explanation of the level.
pub const STATUS_MESSAGE: &str = "heirloom.status_message";
/// Text: the version of the component that is traced.
pub const VERSION: &str = "heirloom.version";

/// Text: `chat`, `embeddings`, `execute_tool`, `invoke_agent`, ..
pub const OPERATION: &str = "gen_ai.operation.name";
/// Text: the model that was asked for.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// Text: the model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Prefix of the name of a parameter of the request (`temperature`, `max_tokens`, ..).
pub const REQUEST: &str = "gen_ai.request.";
/// Integer: all tokens of the prompt, cached ones included ([`Usage`](super::Usage)).
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Integer: all tokens of the answer, those of reasoning included.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Integer: all tokens, if they are not the sum of both.
pub const TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";
/// Prefix of the name of a finer count (`cache_read`, `reasoning`, ..); an integer.
pub const USAGE: &str = "gen_ai.usage.";
/// Float: the cost of the call, in US dollars.
pub const COST: &str = "gen_ai.usage.cost";
/// Prefix of the name of a part of the cost (`input`, `output`, ..); a float, in US dollars.
pub const COST_DETAIL: &str = "gen_ai.usage.cost.";
/// Text: when the first token came, RFC 3339.
pub const COMPLETION_START_TIME: &str = "gen_ai.response.completion_start_time";
/// Text: the name of the managed prompt that was used.
pub const PROMPT_NAME: &str = "gen_ai.prompt.name";
/// Integer: its version.
pub const PROMPT_VERSION: &str = "gen_ai.prompt.version";

/// Text, of the whole trace: its name.
pub const TRACE_NAME: &str = "heirloom.trace.name";
/// Text, of the whole trace: the user for whom it runs.
pub const USER: &str = "user.id";
/// Text, of the whole trace: the session or conversation that it is part of.
pub const SESSION: &str = "session.id";
/// Texts, of the whole trace.
pub const TAGS: &str = "heirloom.trace.tags";
/// Prefix of a key of the whole trace's metadata; as [`METADATA`].
pub const TRACE_METADATA: &str = "heirloom.trace.metadata.";
/// Boolean, of the whole trace: everyone with the link may see it.
pub const PUBLIC: &str = "heirloom.trace.public";
/// Text, of the process or the whole trace: where it runs (`production`, `staging`, ..).
pub const ENVIRONMENT: &str = "deployment.environment.name";
/// Text, of the process or the whole trace: which release runs.
pub const RELEASE: &str = "service.version";
