//! An agent of the framework `rig` asks a model and calls two tools: one fans out over a rayon pool, the other over a worker
//! process. The result is one trace with generations, usage and cost. The model is a loopback server.
//!
//! Run it with `cargo run --release -p heirloom-agent --example agent`. With `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY`
//! and `LANGFUSE_BASE_URL`, or with `OTEL_EXPORTER_OTLP_ENDPOINT`, the same trace also goes to that backend.
//! `-- --spans FILE` writes a line of JSON for each span, to compare with the backend's copy.

use heirloom::bridge::HeirloomLayer;
use heirloom::export::{Memory, SpanData};
use heirloom::llm::{keys, Observation, ObservationType, Usage};
use heirloom::prelude::*;
use heirloom::tree::{self, TreeOptions};
use heirloom::{workers, Span};
use heirloom_agent::tools::{CountWords, Search, COUNT};
use heirloom_agent::{export, model};
use rig::providers::openai::{OpenAIConfig, Route};
use rig::{Agent, AgentBuilder};
use std::error::Error;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Price of a thousand tokens of the prompt and of the answer, in US dollars.
const PRICES: (f64, f64) = (0.000_15, 0.000_6);

fn main() -> Result<(), Box<dyn Error>> {
    workers::serve(&[&COUNT]);
    let memory = Memory::new();
    let guard = export::builder(&memory)?.init()?;
    let rigs = Targets::new().with_target("rig", LevelFilter::INFO).with_target("rig_agent", LevelFilter::INFO);
    tracing_subscriber::registry().with(HeirloomLayer::new().with_filter(rigs)).init();

    let pool = Arc::new(COUNT.pool().workers(1).start()?);
    let agent = agent(&model::start()?, CountWords(Arc::clone(&pool)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let turn = heirloom::root("turn");
    turn.observation_type(ObservationType::Chain).input(model::QUESTION);
    turn.trace_update().user("u-7").session("s-1").tags(["example"]).name("a question about this project");
    let asked = async { agent.prompt(model::QUESTION).into_future().await };
    let answer = runtime.block_on(asked.in_context(&turn))?.output().to_owned();
    turn.output(&answer);
    title(&turn, &answer);
    drop(turn);
    drop(agent);
    drop(pool);

    let report = guard.finish();
    let spans = memory.spans();
    println!("{answer}\n\n{}", tree::render(&spans, &TreeOptions::new().lanes(true)));
    totals(&spans);
    if let Some(file) = spans_file()? {
        export::write_spans(&spans, &file)?;
    }
    println!("\n{report}");
    Ok(())
}

/// The file of `--spans FILE`.
fn spans_file() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    match (args.next(), args.next()) {
        (None, _) => Ok(None),
        (Some(option), Some(file)) if option == "--spans" => Ok(Some(file.into())),
        _ => Err("invalid arguments: expected none, or --spans FILE".into()),
    }
}

fn agent(url: &str, count: CountWords) -> Result<Agent, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize()?;
    let config = OpenAIConfig::new("no key is needed").with_base_url(url).with_route(Route::Chat);
    let builder = AgentBuilder::new(config.client().completion(model::MODEL)).name("librarian");
    let builder = builder.preamble("You know the texts of a project.").default_max_turns(5);
    Ok(builder.record_content_telemetry(true).tool(Search::new(&folder)?).tool(count).build())
}

/// A call of a model without the framework: the generation is recorded by hand, with its cost.
fn title(turn: &Span, answer: &str) {
    let title = turn.generation("title").model(model::MODEL).model_parameter("temperature", 0.2).input(answer).start();
    let words: Vec<&str> = answer.split_whitespace().take(4).collect();
    let usage = (answer.len() as u64 / 4, words.len() as u64);
    title.completion_start_now().output(&words.join(" ")).usage(Usage::new(usage.0, usage.1));
    title.cost_usd((usage.0 as f64 * PRICES.0 + usage.1 as f64 * PRICES.1) / 1000.0);
}

/// Prints usage and cost of the whole trace: the sums over its generations.
fn totals(spans: &[SpanData]) {
    let generation = Some(ObservationType::Generation.name());
    let of_type = |span: &&SpanData| span.attribute(keys::OBSERVATION_TYPE).and_then(|of| of.as_str()) == generation;
    let generations: Vec<&SpanData> = spans.iter().filter(of_type).collect();
    let sum = |key: &str| generations.iter().filter_map(|span| span.attribute(key)?.as_i64()).sum::<i64>();
    let cost: f64 =
        generations.iter().filter_map(|span| span.attribute(keys::COST)?.to_string().parse::<f64>().ok()).sum();
    println!(
        "{} generations: {} tokens in, {} out; known cost: ${cost:.6}",
        generations.len(),
        sum(keys::INPUT_TOKENS),
        sum(keys::OUTPUT_TOKENS)
    );
}
