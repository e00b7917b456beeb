//! While a span is current it stays where it is: to end it, end the scope before.

fn main() {
    let span = heirloom::root("span");
    let _scope = span.enter();
    span.end();
}
