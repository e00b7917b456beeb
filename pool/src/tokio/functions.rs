//! The traced forms of `tokio::spawn`, `spawn_blocking` and `spawn_local`.

use super::place::On;
use super::task::Waiting;
use ::tokio::task::{self as plain, JoinHandle};
use heirloom_core::{Context, Name, Span};
use std::future::Future;

/// Runs the future that `f` makes as a task of the current runtime, in a new span below `cx`: the traced form of
/// [`tokio::spawn`](::tokio::spawn).
///
/// Cost: see the [module](super).
///
/// # Panics
///
/// As the plain function: outside a runtime.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let root = heirloom_core::root("request");
/// let task = heirloom_pool::tokio::spawn(&root, "fetch", |cx| async move { cx.in_span("parse", |_| 42) });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn spawn<'n, F, Fut>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
where
    F: FnOnce(Context) -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    plain::spawn(Waiting::new(cx, name).run(On::Worker, f))
}

/// Runs `f` on a thread where it may block, in a new span below `cx`: the traced form of
/// [`tokio::task::spawn_blocking`](plain::spawn_blocking).
///
/// Cost: one span and two clock readings.
///
/// # Panics
///
/// As the plain function: outside a runtime.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let root = heirloom_core::root("request");
/// let sum = heirloom_pool::tokio::spawn_blocking(&root, "sum", |span| {
///     span.set("items", 10);
///     (1..=10).sum::<u32>()
/// });
/// assert_eq!(sum.await.unwrap(), 55);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<'n, F, T>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> JoinHandle<T>
where
    F: FnOnce(&Span) -> T + Send + 'static,
    T: Send + 'static,
{
    let waiting = Waiting::new(cx, name);
    plain::spawn_blocking(move || waiting.run_blocking(f))
}

/// As [`spawn`], for a future that stays on this thread: the traced form of [`tokio::task::spawn_local`](plain::spawn_local).
///
/// # Panics
///
/// As the plain function: outside a [`LocalSet`](plain::LocalSet).
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(tokio::task::LocalSet::new().run_until(async {
/// let root = heirloom_core::root("request");
/// let text = std::rc::Rc::new("not sent");
/// let task = heirloom_pool::tokio::spawn_local(&root, "measure", move |_cx| async move { text.len() });
/// assert_eq!(task.await.unwrap(), 8);
/// # }));
/// ```
#[track_caller]
pub fn spawn_local<'n, F, Fut>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
where
    F: FnOnce(Context) -> Fut + 'static,
    Fut: Future + 'static,
    Fut::Output: 'static,
{
    plain::spawn_local(Waiting::new(cx, name).run(On::Local, f))
}
