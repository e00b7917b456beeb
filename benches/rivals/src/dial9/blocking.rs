//! A blocking call in asynchronous code: a request renders for 40 ms on one of the two threads of the runtime.

use std::time::Duration;

#[dial9::main(config = || dial9::recorder_from_env_with(|runtime| { runtime.worker_threads(2).enable_all(); }))]
async fn main() {
    let requests: Vec<_> = (0..40).map(|number| dial9::spawn(request(number))).collect();
    let mut pages = 0;
    for request in requests {
        pages += request.await.unwrap();
    }
    assert_eq!(pages, 780);
}

async fn request(number: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let pdf = render_pdf(number);
    reply(pdf)
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
