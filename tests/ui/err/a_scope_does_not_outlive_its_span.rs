//! A current span is open: its scope can't outlive it.

fn main() {
    let _scope = {
        let span = heirloom::root("span");
        span.enter()
    };
}
