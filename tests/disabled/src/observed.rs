//! The attribute on a function of each form.

use crate::futures::now;
use futures_core::Stream;
use heirloom_core::{observe, Context};
use std::future::{ready, Future};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// Panics if it is evaluated: without recording, `fields` must not be.
fn never() -> u32 {
    panic!("evaluated, though nothing is recorded")
}

/// A value that panics if it is captured.
struct Opaque;

impl serde::Serialize for Opaque {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("captured, though nothing is recorded")
    }
}

impl core::fmt::Display for Opaque {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        panic!("printed, though nothing is recorded")
    }
}

#[observe(name = "plain", generation, level = "debug", kind = "client", fields(n, never = never()))]
fn plain(n: u32) -> (u32, Context) {
    (n + 1, Context::current())
}

#[observe(err, input, output)]
fn fallible(opaque: Opaque) -> Result<Opaque, Opaque> {
    match Context::try_current() {
        None => Err(opaque),
        Some(_) => Ok(opaque),
    }
}

#[observe(root, err)]
async fn later(n: u32) -> Result<u32, Opaque> {
    Ok(ready(n).await + 1)
}

#[observe(parent = parent)]
fn boxed(parent: Context) -> Pin<Box<dyn Future<Output = Context>>> {
    Box::pin(async move { parent })
}

struct Once(Option<u32>);

impl Stream for Once {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<u32>> {
        Poll::Ready(self.0.take())
    }
}

#[observe(stream)]
fn stream() -> impl Stream<Item = u32> {
    Once(Some(1))
}

/// Calls all of them. Returns a sum of their results, and the current contexts.
pub fn everything() -> (u32, Vec<Context>) {
    let (sum, current) = plain(1);
    assert!(fallible(Opaque).is_err());
    let later = now(later(2)).and_then(Result::ok);
    let mut items = Box::pin(stream());
    let item = now(core::future::poll_fn(|task| items.as_mut().poll_next(task))).flatten();
    let boxed = now(boxed(Context::INERT)).unwrap_or_default();
    (sum + later.unwrap_or(0) + item.unwrap_or(0), vec![current, boxed])
}
