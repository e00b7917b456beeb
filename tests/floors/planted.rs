//! The rules find planted violations.

use crate::house::{Files, House};
use crate::rules::{circles, upward, upward_crates, Circle, Floors};
use std::path::Path;

const FLOORS: Floors<'static> = &[&["low"], &["middle"], &["high"]];

/// A crate of these files below `src`.
fn planted(all: &[(&str, &str)]) -> House {
    let files: Files = all.iter().map(|(name, text)| (Path::new("src").join(name), (*text).to_owned())).collect();
    House::build(&files, Path::new("src/lib.rs")).unwrap()
}

/// Three modules, of which the middle one has this text.
fn with_middle(text: &str) -> House {
    let root = "pub use high::Top; mod low; mod middle; mod high;";
    planted(&[
        ("lib.rs", root),
        ("low.rs", "pub struct Ground;"),
        ("middle.rs", text),
        ("high/mod.rs", "mod roof; pub(crate) use roof::Tile; pub struct Top; use crate::low::Ground;"),
        ("high/roof.rs", "pub struct Tile;"),
    ])
}

#[test]
fn an_upward_import_is_found() {
    let wrong = upward(&with_middle("use crate::high::Top;"), FLOORS);
    let message = "src/middle.rs imports `Top` from src/high/mod.rs, but `middle` stands on floor 2 and `high` on floor 3: a module uses lower floors only";
    assert_eq!(wrong, [message]);
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    for (text, name, file) in [
        ("use crate::Top;", "Top", "mod.rs"),
        ("use crate::{low::Ground, high::{Top as Other}};", "Top", "mod.rs"),
        ("use super::high;", "high", "mod.rs"),
        ("use crate::high::*;", "*", "mod.rs"),
        ("use crate::high::Tile;", "Tile", "roof.rs"),
        ("fn f() { crate::high::call(); }", "call", "mod.rs"),
        ("fn f(top: super::high::Top) {}", "Top", "mod.rs"),
        ("macro_rules! m { () => { $crate::high::Top } }", "Top", "mod.rs"),
        ("mod inner { fn f() { use super::super::high::Top; } }", "Top", "mod.rs"),
        ("#[cfg(any(test, feature = \"x\"))] use crate::high::Top;", "Top", "mod.rs"),
        ("#[cfg(not(test))] use crate::high::Top;", "Top", "mod.rs"),
        ("#[cfg(test)] use std::fmt; use crate::high::Top;", "Top", "mod.rs"),
        ("#[cfg(test)] mod tests {} use crate::high::Top;", "Top", "mod.rs"),
        ("struct S { #[cfg(test)] x: u8, top: crate::high::Top }", "Top", "mod.rs"),
    ] {
        let wrong = upward(&with_middle(text), FLOORS);
        let begin = format!("src/middle.rs imports `{name}` from src/high/{file}, but");
        assert!(wrong.len() == 1 && wrong[0].starts_with(&begin), "{text}: {wrong:?}");
    }
}

#[test]
fn what_is_no_import_is_none() {
    for text in [
        "use crate::low::Ground;",
        "//! See crate::high::Top.\n/// [`Top`](crate::high::Top)\nfn f() {}",
        "/* use crate::high::Top; */ fn f() -> &'static str { \"crate::high::Top\" }",
        "#[cfg(test)] use crate::high::{Top, Tile};",
        "#[cfg(all(test, loom))] mod tests { use crate::high::Top; }",
        "#[cfg(test)] pub(crate) fn f<A, B>(top: crate::high::Top) { crate::high::call() }",
        "struct S { #[cfg(test)] top: crate::high::Top, low: crate::low::Ground }",
        "use other::high::Top;",
    ] {
        assert_eq!(upward(&with_middle(text), FLOORS), [""; 0], "{text}");
    }
}

#[test]
fn a_module_without_a_floor_is_found() {
    let house = planted(&[("lib.rs", "mod low; mod cellar;"), ("low.rs", ""), ("cellar.rs", "")]);
    let wrong = upward(&house, &[&["low", "attic"]]);
    assert_eq!(
        wrong,
        ["`cellar` stands on no floor: give it one in the table", "`attic` is in the table of floors and is no module"]
    );
}

#[test]
fn a_circle_is_found_at_any_depth() {
    let house = planted(&[
        ("lib.rs", "mod outer;"),
        ("outer/mod.rs", "mod a; mod b; mod c; pub use a::A; use b::B;"),
        ("outer/a.rs", "use super::b::B; pub struct A;"),
        ("outer/b.rs", "use super::c::C; pub struct B;"),
        ("outer/c.rs", "use super::A; pub struct C;"),
    ]);
    let message = "a circle in `outer`: a, b, c import each other\n    src/outer/a.rs imports `B` from src/outer/b.rs\n    src/outer/b.rs imports `C` from src/outer/c.rs\n    src/outer/c.rs imports `A` from src/outer/a.rs";
    assert_eq!(circles(&house, &[]), [message]);
    let known = Circle { inside: "outer", members: &["a", "b", "c"], reason: "planted" };
    assert_eq!(circles(&house, &[known]), [""; 0]);
}

#[test]
fn a_known_circle_that_is_broken_is_found() {
    let house = planted(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "pub struct B;")]);
    let known = Circle { inside: "", members: &["a", "b"], reason: "planted" };
    assert_eq!(circles(&house, &[]), [""; 0]);
    assert_eq!(
        circles(&house, &[known]),
        ["there is no circle of [\"a\", \"b\"] in `` any more: take it out of the table"]
    );
}

#[test]
fn an_import_of_a_higher_crate_is_found() {
    let house = planted(&[("lib.rs", "fn f() { ground::g(); roof::tiles::count(); }")]);
    let wrong = upward_crates(&house, "wall", &[&["ground"], &["wall"], &["roof"]]);
    assert_eq!(wrong, ["src/lib.rs imports `roof::tiles::count`, but `wall` stands on floor 2 and `roof` on floor 3"]);
}
