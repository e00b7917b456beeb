//! An entered span can't be moved: end the scope before you end the span.

fn main() {
    let span = heirloom::root("span");
    let _scope = span.enter();
    span.end();
}
