//! Type errors: the compiler's messages point at the user's code.
use heirloom::observe;

struct Opaque;

#[observe(fields(opaque))]
fn no_value(opaque: Opaque) {
    drop(opaque);
}

#[observe(parent = "root")]
fn no_parent() {}

#[observe(name = 'a'.len_utf8())]
fn no_name() {}

#[observe(err)]
fn no_result() -> Option<u8> {
    None
}

#[observe(err)]
fn no_text() -> Result<(), Opaque> {
    Err(Opaque)
}

#[observe(input(opaque))]
fn no_input(opaque: Opaque) {
    drop(opaque);
}

#[observe(output)]
fn no_output() -> Opaque {
    Opaque
}

#[observe]
fn wrong_body() -> u32 {
    "text"
}

#[observe]
fn wrong_result() -> Result<u32, String> {
    Ok("text")
}

#[observe]
async fn wrong_future() -> u32 {
    "text"
}

#[observe(crate = nowhere)]
fn no_crate() {}

fn main() {}
