//! Langfuse as a backend of Heirloom: an [`Exporter`](heirloom_core::export::Exporter) of observations over OTLP.
//!
//! ```
//! use heirloom_core::llm::keys;
//! use heirloom_langfuse::Config;
//!
//! # let variables = |name: &str| match name {
//! #     "LANGFUSE_BASE_URL" => Some("http://127.0.0.1:9".into()),
//! #     _ => Some("1".into()).filter(|_| name.ends_with("_KEY")),
//! # };
//! # let config = Config::from_variables(variables)?.retry_for(std::time::Duration::ZERO);
//! # let real = || -> Result<Config, heirloom_langfuse::ConfigError> {
//! let config = Config::from_env()?; // LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY, LANGFUSE_BASE_URL, ..
//! # Ok(config) };
//! let guard = config.tracer_builder("shop")?.start()?;
//! guard.tracer().in_root("answer", |span| {
//!     span.set(keys::USER, "u-17").set(keys::INPUT, "\"what is it?\"");
//! });
//! println!("{}", guard.finish());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Settings
//!
//! | variable | what it sets | default |
//! |---|---|---|
//! | `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY` | the keys of the project | none: an error names the missing one |
//! | `LANGFUSE_BASE_URL`, older `LANGFUSE_HOST` | the server | `https://cloud.langfuse.com` |
//! | `LANGFUSE_OTEL_TRACES_EXPORT_PATH` | the path for traces, below the server's URL | `/api/public/otel/v1/traces` |
//! | `LANGFUSE_TIMEOUT` | seconds for one request | 5 |
//! | `LANGFUSE_OTEL_MAX_BATCH_SIZE_BYTES` | bytes of a request before compression | 67108864 |
//! | `LANGFUSE_FLUSH_AT` | the largest number of spans in a request | no separate limit |
//! | `LANGFUSE_FLUSH_INTERVAL` | seconds that a finished span waits for others | `OTEL_BSP_SCHEDULE_DELAY`, 0.2 |
//! | `LANGFUSE_TRACING_ENVIRONMENT` | the environment | the resource's `deployment.environment.name` |
//! | `LANGFUSE_RELEASE` | the release | the resource's `service.version` |
//! | `LANGFUSE_SAMPLE_RATE` | the share of traces that is recorded, 0 to 1 | `OTEL_TRACES_SAMPLER` |
//! | `LANGFUSE_TRACING_ENABLED` | `false` records nothing | `true` |
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` configure a proxy. The system's certificates are used.
//!
//! # What becomes what
//!
//! The names on the left are those of [`heirloom_core::llm::keys`].
//!
//! | recorded | sent |
//! |---|---|
//! | the span's name, times, ids, events, links | as in OTLP; ids are Langfuse's trace and observation ids |
//! | `OBSERVATION_TYPE`; else `gen_ai.operation.name`; else `span` | `langfuse.observation.type` |
//! | `INPUT`, `OUTPUT`; else other libraries' inputs and outputs (see below) | `langfuse.observation.input`, `.output`; a text without quotes, any other value as JSON, nothing for `None` |
//! | `METADATA` + key | `langfuse.observation.metadata.<key>`, JSON; nothing for `None` |
//! | `LEVEL`; else `ERROR` for an error status or an aborted span, `WARNING` for an incomplete one | `langfuse.observation.level` |
//! | `STATUS_MESSAGE`; else the error's text | `langfuse.observation.status_message` |
//! | `RESPONSE_MODEL`, else `REQUEST_MODEL` | `langfuse.observation.model.name` |
//! | `REQUEST` + name | `langfuse.observation.model.parameters`, an object |
//! | `INPUT_TOKENS`, `OUTPUT_TOKENS`, `TOTAL_TOKENS`, `USAGE` + detail | `langfuse.observation.usage_details`, an object: each count without those that have an entry of their own, because Langfuse adds them; a total only if it is their sum |
//! | `COST`, `COST_DETAIL` + part | `langfuse.observation.cost_details`, an object |
//! | `COMPLETION_START_TIME`, `PROMPT_NAME`, `PROMPT_VERSION` | `langfuse.observation.completion_start_time`, `.prompt.name`, `.prompt.version` |
//! | `TRACE_NAME`, `TAGS`, `PUBLIC`, `TRACE_METADATA` + key | `langfuse.trace.name`, `.tags`, `.public`, `.metadata.<key>`; texts are sent as texts, even if they contain JSON; `.public` on one span, the topmost if that isn't sent yet |
//! | `USER`, `SESSION`, `ENVIRONMENT`, `RELEASE`, `VERSION` | `user.id`, `session.id`, `langfuse.environment` (in lower case), `.release`, `.version` |
//! | the client's environment and release | the same two names, on the resource and on every span |
//! | a root, or a child of a parent that this tracer doesn't export | `langfuse.internal.is_app_root` |
//! | a child of a parent that this tracer doesn't export, whose ids the program gave (`Context::from_ids`) | `langfuse.internal.as_root`: a root of its trace in Langfuse |
//! | everything else | unchanged; Langfuse shows it as metadata |
//!
//! Other libraries record the input under different names. The input is the first of these attributes that a span has:
//! `gen_ai.input.messages`,
//! `gen_ai.tool.call.arguments`, `gen_ai.prompt`, `llm.input_messages`, `traceloop.entity.input`, `mlflow.spanInputs`,
//! `ai.prompt.messages`, `ai.prompt`, `input`, `gen_ai.system_instructions`. The output is the first of
//! `gen_ai.output.messages`, `gen_ai.tool.call.result`, `gen_ai.completion`, `llm.output_messages`,
//! `traceloop.entity.output`, `mlflow.spanOutputs`, `ai.response.text`, `ai.response.object`, `ai.response.toolCalls`,
//! `output`. The remaining ones stay unchanged, and so do numbered parts (`gen_ai.prompt.0.content`).
//!
//! Only generations and embeddings have model, usage, cost and prompt. On any other observation these are sent as
//! metadata, so that usage on an agent and on its call of a model is counted once.
//!
//! Langfuse accepts 200 characters in a user, a session, a tag or a value of the trace's metadata. A longer one is
//! omitted, and named in `heirloom.left_out`. A longer name of a trace is cut. A span has at most 128 attributes. If there
//! are more, first the attributes outside the table are dropped, and then metadata; the table's other attributes are never
//! dropped.
//!
//! # Several clients
//!
//! For several clients, start several tracers, each with its exporter and sampler. Each context belongs to its tracer: see
//! [`Config::tracer_builder`].
//!
//! # What isn't here
//!
//! OTLP has no place for scores and media. An upstream service that has claimed the trace's root states that in baggage, which
//! isn't recorded.

// A print panics if it can't write, and blocks: messages go to `heirloom_core::diagnostics`.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

mod auth;
mod config;
mod encode;
mod environment;
mod error;
mod exporter;
mod json;
mod key;

pub use auth::Project;
pub use config::Config;
pub use error::{AuthError, ConfigError};
pub use exporter::Langfuse;
