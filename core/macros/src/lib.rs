//! The attribute `#[observe]` of Heirloom: a span for each call of a function.
//!
//! Nobody depends on this crate: an application has the attribute from `heirloom`, a library from `heirloom-core` with the
//! feature `macros`. Both are documented at [`macro@observe`].
//!
//! | file | what it does |
//! |---|---|
//! | `args.rs` | reads the attribute |
//! | `function.rs`, `types.rs` | read the function: its form, and what can be said of types by their words |
//! | `check.rs` | whether they go together |
//! | `expand.rs` | writes the function back |
//!
//! What an expansion calls is in `core/src/macro_support`.

mod args;
mod check;
mod expand;
mod function;
mod types;

use proc_macro::TokenStream;
use proc_macro2::Span;

/// A span for each call of a function: current in the body, ended when the function returns, by `?` and panics too.
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
/// | `parent = expr` | the parent: a `Context`, a `&Span`, whatever is `Into<Context>` | what is current |
/// | `root` | begins a trace of its own | |
/// | `kind = ".."` | `"internal"`, `"server"`, `"client"`, `"producer"`, `"consumer"` | `"internal"` |
/// | `fields(a, b = expr, "c.d" = expr)` | attributes: an argument by its name; a key and a value; a key with dots and a value | |
/// | `err` | the text of an `Err` is recorded too | its type alone |
/// | `generation`, `agent`, `tool`, `chain`, `retriever`, `embedding`, `evaluator`, `guardrail`, `event`, `span` | the type of observation (feature `llm`) | |
/// | `level = ".."` | `"debug"`, `"default"`, `"warning"`, `"error"` (feature `llm`) | |
/// | `input` | captures all arguments but `self`, as one JSON object (feature `capture`) | |
/// | `input(a, debug(b))` | captures these; `b` as the text that its `Debug` writes | |
/// | `output`, `output(debug)` | captures what is returned; of a `Result`, what is in its `Ok` (feature `capture`) | |
/// | `stream` | the function returns a stream, and the span is the stream's (feature `stream`; of `heirloom`, `async`) | |
/// | `timed` | of what is polled: `heirloom.busy_ns` and `heirloom.idle_ns`, at three clock readings once and two for each further poll | neither: a poll reads no clock |
/// | `crate = path` | where `heirloom` or `heirloom_core` is found, if it has another name | |
///
/// `parent`, `name` and `fields` are expressions over the function's arguments, evaluated before the body. Those of
/// `fields` are taken by reference, and are evaluated only if the span is recorded: numbers, booleans, texts, lists of
/// these, pointers to them; a `None` sets nothing. Nothing is captured unless it is asked for, and what is captured goes
/// through the tracer's rules (`heirloom::capture`).
///
/// # An `Err`
///
/// Of a function whose return type is called `Result`, with whatever path and parameters, an `Err` sets the span's status
/// to error, and `error.type` to the name of the error's type. Its text may hold secrets: it becomes the status's
/// description with `err` only. Of an alias with another name, `err` says that it is a `Result`. A function that returns
/// anything else says nothing about its outcome. A panic passes through and closes the span as an error.
///
/// # What each form becomes
///
/// The names of what is added can't be seen by the body, whose tokens stay as they are.
///
/// **A function**: a span and a scope. Cost: those of `in_span`, two records, two clock readings.
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
/// **A function whose outcome is looked at** (a `Result`, or `output`): the body is a closure that is called at once, so
/// that `?` and `return` come by. It costs nothing more.
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
/// **An `async fn`**, and a function that ends in an `async` block (bare, in a `Box::pin`, `.boxed()`: what `async_trait`
/// writes): the body is a future that has the span. The span begins when that is polled first, is current during each poll
/// on whatever thread, and ends when the future completes, or is dropped: then it says that it was cancelled. One that was
/// polled more than once says how often, `heirloom.polls`. What stands before the block runs with the call, outside the
/// span. Cost: as of a function; for each poll two writes to a thread-local.
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
/// **A function that returns a future from elsewhere** (`impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture`): the span
/// begins with the call and is current in it; then it is the future's. A box is boxed once more.
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
/// **A function that returns a stream**, with `stream` (`impl Stream`, `Pin<Box<dyn Stream>>`, `BoxStream`): the same. The
/// span ends with the stream and says how many items there were.
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
/// **What is captured**:
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
/// They stay on the function, in their order. `#[tokio::test]`, `#[tokio::main]` and `#[async_trait]` go above and below. A
/// method's attribute is on the implementation, or on a provided method of a trait.
///
/// # What it can't do
///
/// - `const` and `extern` functions are refused; so is what has no body.
/// - A future or a stream of a named type (`-> MyFuture`) can't be given a span: the span is that of the call.
/// - Under `#[track_caller]`, `Location::caller()` in a body whose outcome is looked at is the function itself, as it is in
///   an `async fn`.
/// - A span of its own for each item of a stream: begin it where the item is made.
/// - The parent of a task that is spawned is what is current where it is polled first, which is nothing on a runtime's
///   thread: use the traced twins of `spawn`, or `parent = cx`.
///
/// # Without recording
///
/// In a library without the feature `record` the function is what it was, and neither `fields` nor captured values are
/// evaluated; they must compile all the same.
#[proc_macro_attribute]
pub fn observe(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::observe(args.into(), item.into(), &syn::parse_quote!(::heirloom)).into()
}

/// A span for each call of a function. As [`macro@observe`], which is documented; this one is
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

/// Errors point at the user's code, and lints know that it isn't the user's.
fn ours_at(code: Span) -> Span {
    Span::mixed_site().located_at(code)
}
