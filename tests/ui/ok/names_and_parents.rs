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

fn main() {
    named_by("borrowed", String::from("owned"));
    let root = heirloom::root("root");
    let cx = root.context();
    assert_eq!(below(&root) + below(cx) + below(&cx) + below(Context::INERT), 12);
}
