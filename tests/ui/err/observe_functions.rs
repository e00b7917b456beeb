//! Arguments that don't fit the function.
use futures_core::Stream;
use heirloom::observe;
use std::pin::Pin;
use std::task::{Context, Poll};

#[observe(input(question))]
fn misspelt(qestion: &str, n: u32) -> usize {
    qestion.len() + n as usize
}

#[observe(input(a))]
fn no_arguments() {}

#[observe(input(a, a))]
fn captured_twice(a: u8) {
    let _ = a;
}

struct Model;

impl Model {
    #[observe(input(self))]
    fn answer(&self) {}
}

#[observe(err)]
fn returns_nothing() {}

#[observe(output)]
async fn returns_nothing_later() {}

#[observe(stream)]
fn returns_no_stream() -> Vec<u8> {
    Vec::new()
}

#[observe(stream)]
async fn returns_a_stream_later() -> impl Stream<Item = u8> {
    Never(1)
}

#[observe(stream, err)]
fn items_that_fail() -> impl Stream<Item = Result<u8, ()>> {
    Never(Ok(1))
}

#[observe(timed)]
fn runs_at_once() -> u8 {
    7
}

struct Never<T>(T);

impl<T> Stream for Never<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Pending
    }
}

fn main() {
    Model.answer();
}
