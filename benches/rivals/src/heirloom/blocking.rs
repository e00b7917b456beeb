//! A blocking call in asynchronous code: a request renders for 40 ms on one of the two threads of the runtime.

use heirloom::Context;
use std::time::Duration;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let guard = heirloom::init("blocking").unwrap();
    let root = heirloom::root("run");
    let spawn = |number| heirloom::tokio::spawn(&root, "request", move |cx| request(cx, number));
    let requests: Vec<_> = (0..40).map(spawn).collect();
    let mut pages = 0;
    for request in requests {
        pages += request.await.unwrap();
    }
    assert_eq!(pages, 780);
    root.end();
    guard.finish();
}

async fn request(cx: Context, number: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let pdf = cx.in_span("render pdf", |_| render_pdf(number));
    cx.in_span("reply", |_| reply(pdf))
}

#[inline(never)]
fn render_pdf(number: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(40));
    number
}

#[inline(never)]
fn reply(pdf: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(1));
    pdf
}
