//! The seven ways: each makes one span, a *leaf*, below the current span.

use heirloom::llm::{Observation, ObservationType};
use heirloom::prelude::*;
use heirloom::{Context, Span};
use opentelemetry::trace::{Span as _, Tracer as _};
use opentelemetry::KeyValue;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{channel, Sender};
use std::sync::OnceLock;
use tracing::Instrument as _;

/// A way to trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Way {
    /// `#[observe]` on a function.
    Observe,
    /// A closure or a guard.
    Scope,
    /// A span that starts here and ends on another thread.
    Manual,
    /// A span from ids that came as text.
    Ids,
    /// A framework's span, through `tracing`.
    Framework,
    /// A span of a crate that uses OpenTelemetry's API.
    ZeroCode,
    /// An update of the current span.
    Update,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Observe, Self::Scope, Self::Manual, Self::Ids, Self::Framework, Self::ZeroCode, Self::Update];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "#[observe]",
            Self::Scope => "scope",
            Self::Manual => "manual span",
            Self::Ids => "explicit ids",
            Self::Framework => "framework span",
            Self::ZeroCode => "zero-code",
            Self::Update => "update",
        }
    }

    /// Makes leaf number `n`. Its expected parent is `parent`, which must be current.
    pub fn leaf(self, parent: Context, n: u64) {
        match self {
            Self::Observe => observed(&parent, n),
            Self::Scope if n % 2 == 0 => parent.in_span(LEAF, |leaf| mark(leaf, &parent, n)),
            Self::Scope => {
                let leaf = heirloom::span(LEAF);
                let _current = leaf.enter();
                mark(&leaf, &parent, n);
            }
            Self::Manual => {
                let leaf = parent.span(LEAF);
                mark(&leaf, &parent, n);
                end_elsewhere(leaf);
            }
            Self::Ids => mark(&from_texts(&parent).span(LEAF), &parent, n),
            Self::Framework => drop(chat(&parent, n)),
            Self::ZeroCode => drop(foreign(&parent, n)),
            Self::Update => heirloom::in_span(LEAF, |_| update(&parent, n)),
        }
    }

    /// Makes a leaf in a task. The leaf's span stays open while the task waits, and other tasks on this thread don't see it.
    pub async fn leaf_in_task(self, parent: Context, n: u64) {
        match self {
            Self::Observe => observed_task(&parent, n).await,
            Self::Scope => {
                let leaf = parent.span(LEAF);
                mark(&leaf, &parent, n);
                pause().in_span(leaf).await;
            }
            Self::Manual => {
                let leaf = parent.span(LEAF);
                pause().await;
                mark(&leaf, &parent, n);
                end_elsewhere(leaf);
            }
            Self::Ids => {
                let leaf = from_texts(&parent).span(LEAF);
                mark(&leaf, &parent, n);
                pause().in_span(leaf).await;
            }
            Self::Framework => {
                let span = chat(&parent, n);
                pause().instrument(span).await;
            }
            Self::ZeroCode => {
                let span = foreign(&parent, n);
                pause().await;
                drop(span);
            }
            Self::Update => {
                let leaf = parent.span(LEAF);
                async {
                    pause().await;
                    update(&parent, n);
                }
                .in_span(leaf)
                .await;
            }
        }
    }
}

/// The name of every leaf.
pub const LEAF: &str = "leaf";
/// The attribute with the id of the expected parent.
pub const EXPECTED_PARENT: &str = "expected.parent";
/// The attribute with a leaf's number.
pub const NUMBER: &str = "leaf.n";

/// Sets the attributes that every leaf has.
fn mark(leaf: &Span, parent: &Context, n: u64) {
    leaf.set(NUMBER, n).set(EXPECTED_PARENT, parent.span_id().to_string());
}

/// Lets the other tasks of this thread run.
async fn pause() {
    tokio::task::yield_now().await;
}

#[heirloom::observe(name = "leaf", fields("leaf.n" = n, "expected.parent" = parent.span_id().to_string()))]
fn observed(parent: &Context, n: u64) {
    let _ = (parent, n);
}

#[heirloom::observe(name = "leaf", fields("leaf.n" = n, "expected.parent" = parent.span_id().to_string()))]
async fn observed_task(parent: &Context, n: u64) {
    pause().await;
    let _ = (parent, n);
}

/// Ends a span on another thread.
fn end_elsewhere(leaf: Span) {
    static ENDER: OnceLock<Sender<Span>> = OnceLock::new();
    let ender = ENDER.get_or_init(|| {
        let (send, receive) = channel::<Span>();
        std::thread::spawn(move || receive.into_iter().for_each(drop));
        send
    });
    // The thread runs as long as the process. If it could not be started, the span ends here.
    let _ = ender.send(leaf);
}

/// A context from ids as text, as they come from a header, a queue or a database.
fn from_texts(parent: &Context) -> Context {
    let (trace, span) = (parent.trace_id().to_string(), parent.span_id().to_string());
    match (trace.parse(), span.parse()) {
        (Ok(trace), Ok(span)) => Context::from_ids(trace, span, true),
        _ => Context::INERT,
    }
}

/// A span as agent frameworks record it.
fn chat(parent: &Context, n: u64) -> tracing::Span {
    let span = tracing::info_span!(
        "leaf",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = "m-small",
        gen_ai.usage.input_tokens = 3,
        leaf.n = n,
        expected.parent = %parent.span_id(),
    );
    span.in_scope(|| tracing::debug!("thinking"));
    span
}

/// A span as crates record it that use OpenTelemetry's API.
fn foreign(parent: &Context, n: u64) -> opentelemetry::global::BoxedSpan {
    let mut span = opentelemetry::global::tracer("a crate that nobody here wrote").start(LEAF);
    span.set_attribute(KeyValue::new(NUMBER, n as i64));
    span.set_attribute(KeyValue::new(EXPECTED_PARENT, parent.span_id().to_string()));
    span
}

/// Sets all attributes of the leaf through the current context.
fn update(parent: &Context, n: u64) {
    let current = Context::current().update();
    mark(&current, parent, n);
    current.observation_type(ObservationType::Tool).output(&n);
}
