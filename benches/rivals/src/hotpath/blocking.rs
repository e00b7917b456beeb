//! A blocking call in asynchronous code: a request renders for 40 ms on one of the two threads of the runtime.

use std::time::Duration;

#[tokio::main(worker_threads = 2)]
#[hotpath::main]
async fn main() {
    hotpath::tokio_runtime!();
    let requests: Vec<_> = (0..40).map(|number| tokio::spawn(request(number))).collect();
    let mut pages = 0;
    for request in requests {
        pages += request.await.unwrap();
    }
    assert_eq!(pages, 780);
}

#[hotpath::measure]
async fn request(number: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let pdf = render_pdf(number);
    reply(pdf)
}

#[hotpath::measure]
#[inline(never)]
fn render_pdf(number: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(40));
    number
}

#[hotpath::measure]
#[inline(never)]
fn reply(pdf: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(1));
    pdf
}
