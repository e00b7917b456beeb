//! Tokio's tasks: the traced forms of `tokio::spawn`, `spawn_blocking`, `spawn_local`, and of the spawning methods of a runtime's
//! `Handle`, of `JoinSet` and of `LocalSet`.
//!
//! ```
//! use heirloom_pool::prelude::*;
//! use heirloom_pool::tokio as traced;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let root = heirloom_core::root("request");
//! let page = traced::spawn(&root, "fetch", |cx| async move {
//!     cx.update().set("bytes", 512); // `cx` is the context of the task's span, and current in all of the task
//!     512
//! });
//! let sum = traced::spawn_blocking(&root, "checksum", |span| {
//!     span.set("algorithm", "crc32");
//!     7
//! });
//! assert_eq!(page.await? + sum.await?, 519);
//!
//! let mut tasks = tokio::task::JoinSet::new();
//! for id in 0..3 {
//!     tasks.traced(&root).spawn("resize", move |_cx| async move { id });
//! }
//! assert_eq!(tasks.join_all().await.len(), 3);
//! # Ok::<(), tokio::task::JoinError>(())
//! # }).unwrap();
//! ```
//!
//! | you have | use |
//! |---|---|
//! | `tokio::spawn`, `spawn_blocking`, `spawn_local` | [`spawn`], [`spawn_blocking`], [`spawn_local`] |
//! | a `Handle`, a `Runtime`, a `LocalRuntime`, a `JoinSet`, a `LocalSet` | [`.traced(cx)`](TracedTasks::traced) on it, then the method of the same name |
//! | `runtime.block_on(..)`, and that of a `Handle` or a `LocalSet` | [`runtime.traced(cx).block_on("main", ..)`](Traced::<&::tokio::runtime::Runtime>::block_on) |
//! | a future that is awaited in place (`join!`, `select!`, a timeout) | [`.in_span(span)`](heirloom_core::future::FutureExt::in_span) |
//! | a future that needs a current context, but no span | [`.in_context(cx)`](heirloom_core::future::FutureExt::in_context) |
//! | a blocking closure that needs a current context, but no span | [`carry(cx, f)`](crate::carry()) |
//!
//! In addition to the plain functions, each task has a span, a child of the given context. The span starts when the task first
//! runs, and ends with the task. Its context is current whenever the task runs, on any thread. Its attribute `heirloom.queue_ns` is
//! the time from the call until the start, and the time of the call is recorded beside it. The closure that makes the task's future
//! runs in the task too. It gets the span's [`Context`](heirloom_core::Context), since a future can't borrow the span that it is
//! polled in: `cx.span(..)` starts a child, `cx.update().set(..)` sets an attribute. Handles, aborts, panics and limits are those
//! of tokio.
//!
//! | the task | its span |
//! |---|---|
//! | completes, polled more than once | `heirloom.busy_ns`, `heirloom.idle_ns`, `heirloom.polls` |
//! | completes at its first poll | none of the three |
//! | is aborted, or its runtime shuts down | all three, and `heirloom.cancelled`; its status stays unset |
//! | is aborted before it ran | zero length, `heirloom.queue_ns` and `heirloom.cancelled` |
//! | panics | an error; the panic passes on to the handle |
//!
//! A `spawn_blocking` closure runs once, so its span has none of the three either.
//!
//! Cost of a task: one span, four clock readings and a mark for the time in the queue, no lock, no allocation except for the name
//! if it is a `String`. Each poll of a future takes [two further readings](heirloom_core::future::FutureExt::in_span).

mod functions;
mod place;
mod task;
mod traced;

pub use functions::{spawn, spawn_blocking, spawn_local};
pub use traced::{Traced, TracedTasks};
