//! A span, a scope or a guard that isn't kept ends at once, and an unused builder does nothing.
#![deny(unused_must_use)]

use heirloom::prelude::*;
use rayon::prelude::*;

fn main() {
    heirloom::builder("service");
    heirloom::builder("service").start().unwrap();
    heirloom::root("span");
    let span = heirloom::root("span");
    span.enter();
    span.context().enter();
    span.span("child");
    span.build("child");
    span.background("job");
    [1].par_iter().traced(&span);
    [1].par_iter().traced(&span).per_leaf();
    [1].par_iter().traced(&span).map("item", |_, n| n);
}
