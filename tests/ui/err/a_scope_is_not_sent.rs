//! A scope makes a span current on this thread, so it ends on this thread.

fn main() {
    let span = heirloom::root("span");
    let scope = span.enter();
    std::thread::scope(|threads| {
        threads.spawn(move || drop(scope));
    });
}
