//! The attribute `#[observe]` of Heirloom: a span for each call of a function.
//!
//! Don't depend on this crate directly. An application takes the attribute from `heirloom`, a library from `heirloom-core`
//! with the feature `macros`. Both are documented at [`macro@observe`].
//!
//! | file | what it does |
//! |---|---|
//! | `args.rs` | reads the attribute |
//! | `function.rs`, `types.rs` | read the function: its form, and facts about types from their tokens |
//! | `check.rs` | checks whether they fit together |
//! | `expand.rs` | writes the expansion |
//!
//! The functions that an expansion calls are in `core/src/macro_support`.

mod args;
mod check;
mod expand;
mod function;
mod types;

use proc_macro::TokenStream;
use proc_macro2::Span;

/// Records a span for each call of a function. The span is current in the body and ends when the function returns, also by
/// `?` or a panic.
///
/// ```
/// use heirloom::prelude::*;
///
/// #[observe(err, fields(bytes = text.len()))]
/// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.trim().parse()
/// }
///
/// #[observe]
/// async fn answer(question: &str) -> u32 {
///     parse(question).unwrap_or(42) // its span is a child of this one's
/// }
/// # heirloom::testing::run(|t| {
/// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(std::pin::pin!(answer("x")).poll(&mut task).is_ready());
/// #     t.assert_tree("answer\n  parse");
/// # });
/// # use std::future::Future;
/// ```
///
/// # Arguments
///
/// | argument | what it does | default |
/// |---|---|---|
/// | `name = ".."` | the span's name; also a constant, or any expression that is a `Name` | the function's name |
/// | `parent = expr` | the parent: a `Context`, a `&Span`, or any other `Into<Context>` | the current span |
/// | `root` | starts a new trace | |
/// | `kind = ".."` | `"internal"`, `"server"`, `"client"`, `"producer"`, `"consumer"` | `"internal"` |
/// | `fields(a, b = expr, "c.d" = expr)` | attributes: an argument by its name; a key and a value; a key with dots and a value | |
/// | `err` | records the text of an `Err` too | its type only |
/// | `generation`, `agent`, `tool`, `chain`, `retriever`, `embedding`, `evaluator`, `guardrail`, `event`, `span` | the observation type (feature `llm`) | |
/// | `level = ".."` | `"debug"`, `"default"`, `"warning"`, `"error"` (feature `llm`) | |
/// | `input` | captures all arguments except `self`, as one JSON object (feature `capture`) | |
/// | `input(a, debug(b))` | captures these arguments; `b` as the text of its `Debug` | |
/// | `output`, `output(debug)` | captures the return value; of a `Result`, the value of its `Ok` (feature `capture`) | |
/// | `stream` | the function returns a stream, and the span covers the stream (feature `stream`; of `heirloom`, `async`) | |
/// | `timed` | for futures and streams: records `heirloom.busy_ns` and `heirloom.idle_ns`, at three clock reads once and two for each further poll | off: a poll reads no clock |
/// | `crate = path` | the path of `heirloom` or `heirloom_core`, if it has another name | |
///
/// `parent`, `name` and `fields` are expressions over the function's arguments, evaluated before the body. The values of
/// `fields` are taken by reference, and are evaluated only if the span is recorded. They can be numbers, booleans, texts,
/// lists of these, and pointers to them; a `None` sets no attribute. Only what you name is captured, and captured values
/// pass through the tracer's rules (`heirloom::capture`).
///
/// # An `Err`
///
/// If the return type is called `Result` (with any path and parameters), an `Err` sets the span's status to error, and
/// `error.type` to the name of the error's type. The error's text may contain secrets, so it becomes the status's
/// description with `err` only. For an alias with another name, `err` declares that it is a `Result`. Any other return type
/// leaves the status unset. A panic passes through and ends the span as an error.
///
/// # What each form becomes
///
/// The body's tokens stay as they are. The body can't see the names that the macro adds.
///
/// **A function**: a span and a scope. Cost: that of `in_span`, with two records and two clock reads.
///
/// ```
/// # use heirloom::prelude::*;
/// #[observe(fields(bytes = data.len()))]
/// fn checksum(data: &[u8]) -> u64 {
///     data.iter().map(|byte| u64::from(*byte)).sum()
/// }
///
/// fn by_hand(data: &[u8]) -> u64 {
///     let span = heirloom::span("checksum");
///     if span.is_recording() {
///         span.set("bytes", data.len());
///     }
///     let scope = span.enter();
///     {
///         data.iter().map(|byte| u64::from(*byte)).sum()
///     }
/// }
/// # heirloom::testing::run(|t| {
/// #     assert_eq!(checksum(&[1, 2]), by_hand(&[1, 2]));
/// #     t.assert_tree("checksum\nchecksum");
/// #     assert_eq!(t.spans()[0].attributes, t.spans()[1].attributes);
/// # });
/// ```
///
/// **A function whose return value is inspected** (a `Result`, or `output`): the body becomes a closure that is called at
/// once, so that `?` and `return` pass the inspection. The closure adds no cost.
///
/// ```
/// # use heirloom::prelude::*;
/// # use std::num::ParseIntError;
/// #[observe(err)]
/// fn parse(text: &str) -> Result<u32, ParseIntError> {
///     let number: u32 = text.parse()?;
///     Ok(number + 1)
/// }
///
/// fn by_hand(text: &str) -> Result<u32, ParseIntError> {
///     let span = heirloom::span("parse");
///     let scope = span.enter();
///     let body = move || -> Result<u32, ParseIntError> {
///         let number: u32 = text.parse()?;
///         Ok(number + 1)
///     };
///     let output = body();
///     if let Err(error) = &output {
///         span.set("error.type", std::any::type_name::<ParseIntError>());
///         span.error(&error.to_string()); // without `err`: an empty text
///     }
///     output
/// }
/// # heirloom::testing::run(|t| {
/// #     assert_eq!(parse("x"), by_hand("x"));
/// #     let spans = t.spans();
/// #     assert!(spans[0].attributes == spans[1].attributes && spans[0].status == spans[1].status, "{spans:?}");
/// # });
/// ```
///
/// **An `async fn`**, and a function that ends in an `async` block (bare, in a `Box::pin`, or with `.boxed()`, as
/// `async_trait` writes it): the body becomes a future with the span. The span starts at the first poll, is current during
/// each poll on any thread, and ends when the future completes or is dropped. A dropped future's span is marked as
/// cancelled. A span that was polled more than once has the number of polls in `heirloom.polls`. Statements before the block
/// run with the call, outside the span. Cost: that of a function, and for each poll two writes to a thread-local.
///
/// ```
/// # use heirloom::prelude::*;
/// use heirloom::future::FutureExt as _;
///
/// #[observe]
/// async fn fetch(id: u32) -> u32 {
///     std::future::ready(id).await
/// }
///
/// async fn by_hand(id: u32) -> u32 {
///     let span = heirloom::span("fetch");
///     async move { std::future::ready(id).await }.in_span(span).untimed().await
/// }
/// # use std::future::Future;
/// # fn now<F: Future>(future: F) -> F::Output {
/// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut task) { std::task::Poll::Ready(value) => value, _ => unreachable!() }
/// # }
/// # heirloom::testing::run(|t| {
/// #     drop(fetch(1));
/// #     assert_eq!(now(fetch(2)), now(by_hand(2)));
/// #     t.assert_tree("fetch\nfetch");
/// # });
/// ```
///
/// **A function that returns a future from another call** (`impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture`): the span
/// starts with the function's call and is current in it. Then the future takes the span. A boxed future is boxed once more.
///
/// ```
/// # use heirloom::prelude::*;
/// use heirloom::future::FutureExt as _;
/// use std::future::Future;
/// # fn connect(url: &str) -> impl Future<Output = usize> + '_ { std::future::ready(url.len()) }
///
/// #[observe(kind = "client")]
/// fn open(url: &str) -> impl Future<Output = usize> + '_ {
///     connect(url.trim())
/// }
///
/// fn by_hand(url: &str) -> impl Future<Output = usize> + '_ {
///     let span = heirloom::Context::current().build("open").kind(heirloom::SpanKind::Client).start();
///     let scope = span.enter();
///     let body = move || connect(url.trim());
///     let future = body();
///     drop(scope);
///     future.in_span(span).untimed()
/// }
/// # heirloom::testing::run(|t| {
/// #     drop((open(" a "), by_hand(" a ")));
/// #     t.assert_tree("open\nopen");
/// #     assert_eq!(t.spans()[0].kind, t.spans()[1].kind);
/// # });
/// ```
///
/// **A function that returns a stream**, with `stream` (`impl Stream`, `Pin<Box<dyn Stream>>`, `BoxStream`): as for a
/// future. The span ends with the stream and has the number of its items.
///
/// ```
/// # use heirloom::prelude::*;
/// use futures_core::Stream;
/// use heirloom::stream::StreamExt as _;
/// # struct Tokens;
/// # impl Stream for Tokens {
/// #     type Item = String;
/// #     fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<String>> {
/// #         std::task::Poll::Ready(None)
/// #     }
/// # }
/// # fn tokens(_question: &str) -> Tokens { Tokens }
///
/// #[observe(stream, generation)]
/// fn answer(question: &str) -> impl Stream<Item = String> {
///     tokens(question)
/// }
///
/// fn by_hand(question: &str) -> impl Stream<Item = String> {
///     use heirloom::llm::{Observation as _, ObservationType};
///     let span = heirloom::span("answer");
///     if span.is_recording() {
///         span.observation_type(ObservationType::Generation);
///     }
///     let scope = span.enter();
///     let body = move || tokens(question);
///     let stream = body();
///     drop(scope);
///     stream.in_span(span).untimed()
/// }
/// # heirloom::testing::run(|t| {
/// #     drop((answer("why"), by_hand("why")));
/// #     t.assert_tree("answer\nanswer");
/// #     let kept = |span: &heirloom::export::SpanData| span.attributes.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
/// #     assert_eq!(kept(&t.spans()[0]), kept(&t.spans()[1]));
/// # });
/// ```
///
/// **Captured values**:
///
/// ```
/// # use heirloom::prelude::*;
/// # #[derive(Debug)]
/// # struct Session(u32);
/// #[observe(name = "ask", tool, input(question, debug(session)), output)]
/// fn ask(session: &Session, question: &str) -> Vec<String> {
///     vec![question.to_uppercase()]
/// }
///
/// fn by_hand(session: &Session, question: &str) -> Vec<String> {
///     use heirloom::{capture, llm};
///     use heirloom::llm::Observation as _;
///     let span = heirloom::span("ask");
///     if span.is_recording() {
///         span.observation_type(llm::ObservationType::Tool);
///         let _ = capture::arguments(&span, llm::keys::INPUT, &[
///             ("question", &question),
///             ("session", &capture::debug(&session)),
///         ]);
///     }
///     let scope = span.enter();
///     let body = move || vec![question.to_uppercase()];
///     let output = body();
///     span.output(&output);
///     output
/// }
/// # heirloom::testing::run(|t| {
/// #     assert_eq!(ask(&Session(1), "why"), by_hand(&Session(1), "why"));
/// #     assert_eq!(t.spans()[0].attributes, t.spans()[1].attributes);
/// #     let input = t.spans()[0].attributes.iter().find(|(key, _)| key == "input.value").unwrap().1.to_string();
/// #     assert_eq!(input, r#"{"question":"why","session":"Session(1)"}"#);
/// # });
/// ```
///
/// # With other attributes
///
/// Other attributes stay on the function, in their order. `#[tokio::test]`, `#[tokio::main]` and `#[async_trait]` can stand
/// above or below. Put the attribute of a method on the implementation, or on a provided method of a trait.
///
/// # Limits
///
/// - `const` functions, `extern` functions and functions without a body are compile errors.
/// - A future or a stream of a named type (`-> MyFuture`) can't take a span: the span covers the call only.
/// - Under `#[track_caller]`, `Location::caller()` in a body whose return value is inspected is the function itself, as it
///   is in an `async fn`.
/// - The items of a stream have no separate spans: start a span where the item is made.
/// - The parent of a spawned task is the context that is current at its first poll. On a runtime's thread there is none:
///   use the traced forms of `spawn`, or `parent = cx`.
///
/// # Without recording
///
/// In a library without the feature `record` the function is unchanged. `fields` and captured values are not evaluated, but
/// they must compile.
#[proc_macro_attribute]
pub fn observe(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::observe(args.into(), item.into(), &syn::parse_quote!(::heirloom)).into()
}

/// Records a span for each call of a function: [`macro@observe`] for users of `heirloom_core`, which exports it as
/// `heirloom_core::observe`.
///
/// ```
/// use heirloom_core::observe;
///
/// #[observe(fields(n))]
/// fn double(n: u32) -> u32 {
///     n * 2
/// }
/// # heirloom_core::testing::run(|t| {
/// #     assert_eq!(double(2), 4);
/// #     t.assert_tree("double");
/// # });
/// ```
#[proc_macro_attribute]
pub fn observe_core(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::observe(args.into(), item.into(), &syn::parse_quote!(::heirloom_core)).into()
}

/// A span for generated code: errors point at the user's code, and lints treat the code as generated.
fn ours_at(code: Span) -> Span {
    Span::mixed_site().located_at(code)
}
