//! A blocking call in asynchronous code: a request renders for 40 ms on one of the two threads of the runtime.

use std::time::Duration;
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::{prelude::*, registry::Registry};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let (chrome_layer, _guard) = ChromeLayerBuilder::new().build();
    Registry::default().with(chrome_layer).init();
    let requests: Vec<_> = (0..40).map(|number| tokio::spawn(request(number))).collect();
    let mut pages = 0;
    for request in requests {
        pages += request.await.unwrap();
    }
    assert_eq!(pages, 780);
}

#[tracing::instrument(skip_all)]
async fn request(number: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let pdf = render_pdf(number);
    reply(pdf)
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn render_pdf(number: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(40));
    number
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn reply(pdf: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(1));
    pdf
}
