//! A `&str` that is not static would be copied into every record: `Name::dynamic` states that this is intended.

fn named_by(text: &str) {
    heirloom::root(text).end();
}

fn main() {
    let text = String::from("text");
    named_by(&text);
    heirloom::root(text.as_str()).end();
}
