//! A contended lock: each of four threads writes for 10 ms into an index that a mutex protects.

use std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::{prelude::*, registry::Registry};

fn main() {
    let (chrome_layer, _guard) = ChromeLayerBuilder::new().build();
    Registry::default().with(chrome_layer).init();
    let index = Mutex::new(Vec::new());
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| indexer(&index));
        }
    });
    assert_eq!(index.lock().unwrap().len(), 80);
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn indexer(index: &Mutex<Vec<u64>>) {
    for file in 0..20 {
        let words = tokenise(file);
        let mut index = index.lock().unwrap();
        write(&mut index, words);
    }
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn tokenise(file: u64) -> u64 {
    sleep(Duration::from_millis(10));
    file
}

#[tracing::instrument(skip_all)]
#[inline(never)]
fn write(index: &mut Vec<u64>, words: u64) {
    sleep(Duration::from_millis(10));
    index.push(words);
}
