//! While a span is current it is open.

fn main() {
    let _scope = {
        let span = heirloom::root("span");
        span.enter()
    };
}
