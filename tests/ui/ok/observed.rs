//! One dependency is enough for the attribute, also beside another `Result`, `Context` and `Option`.

use anyhow::{bail, Context, Result};
use heirloom::prelude::*;

#[allow(non_camel_case_types, dead_code)]
mod core {}
#[allow(dead_code)]
struct Option;
#[allow(dead_code)]
struct Some;

#[observe(err, fields(length = text.len()))]
fn parse(text: &str) -> Result<i32> {
    if text.is_empty() {
        bail!("nothing to parse");
    }
    text.parse().context("not a number")
}

#[observe(generation, level = "debug", kind = "client", name = "later")]
async fn later(text: &str) -> Result<i32> {
    let (span, scope, output) = (1, 2, 3); // names that the expansion also uses
    Ok(parse(text)? + span + scope + output)
}

#[observe(input, output(debug))]
fn shadowed(span: i32, scope: i32, output: i32, value: i32) -> i32 {
    span + scope + output + value
}

fn main() {
    assert!(parse("1").is_ok());
    assert_eq!(shadowed(1, 2, 3, 4), 10);
    drop(later("1"));
}
