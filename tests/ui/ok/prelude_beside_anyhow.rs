//! `anyhow`'s `Context` is a trait, Heirloom's is a type: importing both causes no conflict.

use anyhow::{anyhow, Context, Result};
use heirloom::prelude::*;
use rayon::prelude::*;

fn parse(text: &str) -> Result<i32> {
    text.parse().context("not a number").with_context(|| format!("in {text:?}"))
}

fn main() -> Result<()> {
    let sum: Result<i32> = heirloom::in_root("sum", |root| {
        root.background("notify").on_thread(|_span| ());
        ["1", "2"].par_iter().traced(root).map("number", |_span, text| parse(text)).sum()
    });
    assert_eq!(sum?, 3);
    heirloom::in_root("fails", |root| {
        let error = parse("x").context("first").unwrap_err();
        root.error(&error.to_string());
        let _: heirloom::Context = root.context();
    });
    None::<()>.context("nothing").or_else(|_| Some(()).ok_or_else(|| anyhow!("nothing")))
}
