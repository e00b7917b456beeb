//! Unknown and malformed arguments of the attribute.
use heirloom::observe;

#[observe(nam = "load")]
fn unknown() {}

#[observe("load")]
fn bare_name() {}

#[observe(name = 7)]
fn number_for_a_name() {}

#[observe(name = "")]
fn empty_name() {}

#[observe(name)]
fn no_name() {}

#[observe(name = "a", err, name = "b")]
fn twice() -> Result<(), ()> {
    Ok(())
}

#[observe(generation, tool)]
fn two_types() {}

#[observe(root, parent = heirloom::Context::INERT)]
fn root_with_a_parent() {}

#[observe(kind = "customer")]
fn unknown_kind() {}

#[observe(level = "loud")]
fn unknown_level() {}

#[observe(fields(a = 1, "a" = 2))]
fn same_key() {}

#[observe(fields("dotted.key"))]
fn key_without_a_value() {}

#[observe(fields(7))]
fn number_for_a_key() {}

#[observe(input(json(a)))]
fn captured_otherwise(a: u8) {
    let _ = a;
}

#[observe(output(json))]
fn returned_otherwise() -> u8 {
    7
}

#[observe(name = "a" err)]
fn no_comma() {}

fn main() {
    unknown(); // the item exists despite the error
    captured_otherwise(1);
}
