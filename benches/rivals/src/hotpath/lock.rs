//! A contended lock: each of four threads writes for 10 ms into an index that a mutex protects.

use hotpath::wrap::std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;

#[hotpath::main]
fn main() {
    let index = hotpath::mutex!(std::sync::Mutex::new(Vec::new()), label = "index");
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| indexer(&index));
        }
    });
    assert_eq!(index.lock().unwrap().len(), 80);
}

#[hotpath::measure]
#[inline(never)]
fn indexer(index: &Mutex<Vec<u64>>) {
    for file in 0..20 {
        let words = tokenise(file);
        let mut index = index.lock().unwrap();
        write(&mut index, words);
    }
}

#[hotpath::measure]
#[inline(never)]
fn tokenise(file: u64) -> u64 {
    sleep(Duration::from_millis(10));
    file
}

#[hotpath::measure]
#[inline(never)]
fn write(index: &mut Vec<u64>, words: u64) {
    sleep(Duration::from_millis(10));
    index.push(words);
}
