//! `#[observe]` on every form of signature that runs on one thread. Mostly: that they compile.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "record"))]

use heirloom_core::testing::run;
use heirloom_core::{in_root, observe, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::num::ParseIntError;

#[derive(Default)]
struct Store {
    texts: BTreeMap<u32, String>,
}

impl Store {
    #[observe(fields(id))]
    fn get(&self, id: u32) -> Option<&str> {
        self.texts.get(&id).map(String::as_str)
    }

    #[observe(err)]
    fn get_mut(&mut self, id: u32) -> Result<&mut String, String> {
        let missing = format!("no {id}");
        self.texts.get_mut(&id).ok_or(missing)
    }

    #[observe]
    fn or_insert<'a>(&'a mut self, id: u32, text: &str) -> Result<&'a mut String, ParseIntError> {
        Ok(self.texts.entry(id).or_insert_with(|| text.to_owned()))
    }

    #[observe]
    fn into_texts(mut self) -> Result<Vec<String>, ()> {
        self.texts.remove(&0);
        Ok(self.texts.into_values().collect())
    }

    #[allow(clippy::boxed_local)]
    #[observe(fields(len = self.texts.len()))]
    fn boxed(self: Box<Self>) -> usize {
        self.texts.len()
    }

    #[observe]
    fn ids(&self) -> Result<impl Iterator<Item = u32> + '_, ParseIntError> {
        let least: u32 = "1".parse()?;
        Ok(self.texts.keys().copied().filter(move |id| *id >= least))
    }
}

#[test]
fn methods_lend_what_they_lent_before() {
    run(|t| {
        let mut store = Store::default();
        in_root("root", |_| {
            store.or_insert(1, "one").unwrap().push('!');
            store.get_mut(1).unwrap().push('?');
            assert!(store.get_mut(2).is_err());
            assert_eq!(store.get(1), Some("one!?"));
            assert_eq!(store.ids().unwrap().collect::<Vec<_>>(), [1]);
            assert_eq!(Box::new(Store::default()).boxed(), 0);
            assert_eq!(store.into_texts(), Ok(vec!["one!?".to_owned()]));
        });
        t.assert_tree("root\n  or_insert\n  get_mut\n  get_mut\n  get\n  ids\n  boxed\n  into_texts");
    });
}

#[observe]
fn largest<'a, T, const N: usize>(items: &'a [T; N], floor: &'a T) -> Result<&'a T, String>
where
    T: Ord + Debug,
{
    items.iter().filter(|item| *item > floor).max().ok_or_else(|| format!("none in {N}"))
}

#[observe]
fn count(items: impl IntoIterator<Item = impl Display>, mut from: usize) -> usize {
    for item in items {
        from += item.to_string().len();
    }
    from
}

#[observe]
fn evens(up_to: u32) -> impl Iterator<Item = u32> + Clone {
    (0..up_to).filter(|n| n % 2 == 0)
}

#[observe]
fn dynamic(left: bool) -> Box<dyn Fn(u32) -> u32> {
    if left {
        return Box::new(|n| n);
    }
    Box::new(|n| n + 1)
}

#[observe]
fn fallible_dynamic(left: bool) -> Result<Box<dyn Debug>, String> {
    if left {
        return Ok(Box::new(1));
    }
    Ok(Box::new("text"))
}

#[observe]
fn patterns((a, b): (u32, u32), [first, ..]: [u32; 3], _: u32, _unused: u32) -> u32 {
    a + b + first
}

#[allow(unsafe_code, unsafe_op_in_unsafe_fn)]
#[observe(fields(null = at.is_null()))]
unsafe fn read(at: *const u32) -> Result<u32, ()> {
    Ok(at.read())
}

#[observe]
fn borrows_in_the_tail(cell: &RefCell<Vec<u32>>) -> usize {
    cell.borrow().len()
}

#[observe]
fn items_in_the_body() -> u32 {
    #![allow(clippy::items_after_statements)]
    use std::ops::Add as _;
    const ONE: u32 = 1;
    fn two() -> u32 {
        2
    }
    ONE.add(two())
}

#[observe]
fn exits(code: Option<u32>) -> ! {
    panic!("{code:?}")
}

#[test]
#[allow(unsafe_code)]
fn signatures_of_every_form_compile_and_run() {
    run(|t| {
        in_root("root", |_| {
            assert_eq!(largest(&[1, 3, 2], &0), Ok(&3));
            assert_eq!(count([1, 22], 1), 4);
            assert_eq!(evens(5).collect::<Vec<_>>(), [0, 2, 4]);
            assert_eq!((dynamic(true)(1), dynamic(false)(1)), (1, 2));
            assert_eq!(format!("{:?}", fallible_dynamic(true).unwrap()), "1");
            assert_eq!(patterns((1, 2), [3, 4, 5], 0, 0), 6);
            // SAFETY: the pointer is of a reference.
            assert_eq!(unsafe { read(&5) }, Ok(5));
            assert_eq!(borrows_in_the_tail(&RefCell::new(vec![1])), 1);
            assert_eq!(items_in_the_body(), 3);
            assert!(std::panic::catch_unwind(|| exits(None)).is_err());
        });
        assert_eq!(t.spans().len(), 12);
        t.assert_complete();
    });
}

#[test]
fn provided_methods_and_implementations_are_observed() {
    trait Shape {
        #[observe]
        fn area(&self) -> f64 {
            self.side() * self.side()
        }
        fn side(&self) -> f64;
    }
    struct Square(f64);
    impl Shape for Square {
        #[observe(fields(side = self.0))]
        fn side(&self) -> f64 {
            self.0
        }
    }
    run(|t| {
        assert!((Square(2.0).area() - 4.0).abs() < f64::EPSILON);
        t.assert_tree("area\n  side\n  side");
        let spans = t.spans();
        let mut sides = spans.iter().filter(|span| span.name == "side");
        assert!(sides.all(|span| span.attributes == [("side".into(), Value::F64(2.0))]));
    });
}

macro_rules! generated {
    ($name:ident, $ty:ty, $value:expr) => {
        #[observe]
        fn $name() -> $ty {
            $value
        }
    };
}
generated!(from_a_macro, Result<u32, String>, Ok(1));

#[test]
fn functions_that_macros_write_are_observed() {
    run(|t| {
        drop(from_a_macro());
        t.assert_tree("from_a_macro");
    });
}

#[observe]
#[track_caller]
fn where_it_is_called() -> &'static std::panic::Location<'static> {
    std::panic::Location::caller()
}

#[test]
fn the_caller_is_still_seen_where_no_outcome_is_looked_at() {
    assert_eq!(where_it_is_called().line(), line!());
}

/// With nothing of the standard library in scope, and names that the expansion could mean.
mod bare {
    #![no_implicit_prelude]
    #![allow(dead_code, non_snake_case)]

    use ::heirloom_core::observe;

    struct Option;
    struct Result<T, E>(T, E);
    fn Ok() {}
    fn Some() {}

    #[observe(kind = "client", fields(r#type))]
    pub(super) fn plain(r#type: u32) -> ::core::result::Result<u32, ()> {
        ::core::result::Result::Ok(r#type)
    }

    #[observe(err, name = "later")]
    pub(super) async fn later(span: u32) -> ::core::result::Result<u32, ::std::string::String> {
        ::core::result::Result::Ok(span)
    }
}

#[test]
fn an_expansion_needs_no_name_in_scope() {
    run(|t| {
        assert_eq!(bare::plain(1), Ok(1));
        drop(bare::later(1));
        assert_eq!(t.span("plain").attributes, [("type".into(), Value::I64(1))]);
    });
}
