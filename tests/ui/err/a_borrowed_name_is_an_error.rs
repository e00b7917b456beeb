//! A `&str` that is not static would be copied into every record: `Name::dynamic` states that this is intended. The adapters
//! take the same names. The compiler takes no hint for an error about lifetimes, so the docs of `Name` and of the adapters
//! have it.

use heirloom::prelude::*;
use rayon::prelude::*;

fn items_named_by(text: &str) {
    [1].par_iter().traced(heirloom::Context::INERT).for_each(text, |_, _| ());
}

fn named_by(text: &str) {
    heirloom::root(text).end();
}

fn main() {
    let text = String::from("text");
    named_by(&text);
    items_named_by(&text);
    heirloom::root(text.as_str()).end();
}
