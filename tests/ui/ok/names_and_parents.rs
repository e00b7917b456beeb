//! Names are static, owned, or borrowed by `Name::dynamic`; parents are spans and contexts, by reference or value.

use heirloom::prelude::*;
use heirloom::{Context, Name};
use rayon::prelude::*;
use std::borrow::Cow;

fn named_by(borrowed: &str, owned: String) {
    heirloom::root("static").end();
    heirloom::root(Name::dynamic(borrowed)).end();
    heirloom::root(Cow::Borrowed(borrowed)).end();
    heirloom::root(&owned).set(Name::dynamic(borrowed), borrowed).set("key", &owned);
    heirloom::root(owned).end();
}

fn below(cx: impl Into<Context>) -> usize {
    (0..3).into_par_iter().traced(cx).map(String::from("item"), |span, n| span.set("n", n).is_recording()).count()
}

/// An adapter copies a borrowed name once; what it made keeps no borrow of it.
fn of_adapters(number: u32) -> usize {
    let root = heirloom::root("root");
    let name = format!("stage {number}");
    let lazy = (0..3).into_par_iter().traced(&root).map(&name, |_, n| n);
    let stage = (0..3).into_par_iter().traced(&root).items(Name::dynamic(&name)).filter(|n| *n > 0);
    let thread = heirloom::threads::spawn(&root, &format!("{name}, on a thread"), |_| 1);
    let job = heirloom::carry_in_span(&root, Cow::Borrowed(name.as_str()), |_| 1);
    heirloom::rayon::scope(&root, |s| s.spawn(&name, |_, _| ()));
    drop(name);
    lazy.count() + stage.count() + thread.join().unwrap() + job()
}

fn main() {
    assert_eq!(of_adapters(1), 7);
    named_by("borrowed", String::from("owned"));
    let root = heirloom::root("root");
    let cx = root.context();
    assert_eq!(below(&root) + below(cx) + below(&cx) + below(Context::INERT), 12);
}
