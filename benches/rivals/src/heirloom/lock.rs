//! A contended lock: each of four threads writes for 10 ms into an index that a mutex protects.

use heirloom::sync::Mutex;
use heirloom::threads::scope;
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let guard = heirloom::init("lock").unwrap();
    let index = Mutex::named("index", Vec::new());
    heirloom::in_root("run", |root| {
        scope(root, |scope| {
            for _ in 0..4 {
                scope.spawn("indexer", |_| indexer(&index));
            }
        });
    });
    assert_eq!(index.lock().len(), 80);
    guard.finish();
}

#[inline(never)]
fn indexer(index: &Mutex<Vec<u64>>) {
    for file in 0..20 {
        let words = heirloom::in_span("tokenise", |_| tokenise(file));
        let mut index = index.lock();
        heirloom::in_span("write", |_| write(&mut index, words));
    }
}

#[inline(never)]
fn tokenise(file: u64) -> u64 {
    sleep(Duration::from_millis(10));
    file
}

#[inline(never)]
fn write(index: &mut Vec<u64>, words: u64) {
    sleep(Duration::from_millis(10));
    index.push(words);
}
