use super::{captured, debug, Captured};
use crate::Capture;
use serde::{Serialize, Serializer};
use serde_json::{json, Value};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::panic::{catch_unwind, AssertUnwindSafe};

fn capture(rules: &Capture, limit: usize, value: &(impl Captured + ?Sized)) -> (String, usize) {
    let (json, whole) = captured(rules, limit, Vec::new(), |json| value.write(json));
    (String::from_utf8(json).expect("JSON is UTF-8"), whole)
}

fn whole(value: &(impl Captured + ?Sized)) -> String {
    let (json, cut) = capture(&Capture::default().deny_nothing(), 1 << 20, value);
    assert_eq!(cut, 0);
    json
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(u8),
    Tuple(u8, char),
    Struct { a: Option<bool>, b: () },
}

#[test]
fn every_type_of_serde_comes_out_as_serde_json_writes_it() {
    let text = "quote \" backslash \\ \u{8}\u{c}\n\r\t\u{1} ünïcode 🦀 \u{7f}";
    let map: BTreeMap<i32, f64> = [(1, 0.5), (-2, 1e300)].into();
    let shapes = [Shape::Unit, Shape::New(1), Shape::Tuple(2, 'é'), Shape::Struct { a: Some(true), b: () }];
    let nested = json!({ "a": [1, [2, [], {}], null, true, -7, 1.0, 1e-9], "b": { "c": text }, "": "" });
    let all = (text, &map, shapes, &nested, [(); 0], "a\0b", (1_u8, -1_i8, 3_u16, -4_i16, 5_u32, -6_i32, 7.25_f32));
    let expected: Value = serde_json::to_value(&all).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&whole(&all)).unwrap(), expected);
    assert_eq!(whole(&all), serde_json::to_string(&all).unwrap());
}

#[test]
fn what_json_has_no_form_for_is_a_text() {
    let large = (u64::MAX, i64::MIN, (1_u64 << 53) - 1, 1_i64 << 53, u128::MAX);
    let expected = "[\"18446744073709551615\",\"-9223372036854775808\",9007199254740991,\"9007199254740992\",\
                    \"340282366920938463463374607431768211455\"]";
    assert_eq!(whole(&large), expected);
    assert_eq!(whole(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]), r#"["NaN","Infinity","-Infinity"]"#);
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&[1, 2, 3])
        }
    }
    assert_eq!(whole(&Bytes), r#""<3 bytes>""#);
    let keys: HashMap<bool, u8> = [(true, 1)].into();
    assert_eq!(whole(&keys), r#"{"true":1}"#);
}

#[test]
fn cut_anywhere_it_is_valid_json_within_the_limit() {
    let value = json!({
        "name": "quote \" and 🦀 and \u{1}", "list": [1, 22, 333, { "deep": [[["x"]]] }, "tail of the list"],
        "password": { "hidden": [1, 2, 3] }, "numbers": { "1": 0.125, "2": -1 }, "z": "the end"
    });
    let rules = Capture::default();
    let (all, cut) = capture(&rules, 1 << 20, &value);
    assert_eq!(cut, 0);
    let complete: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(complete["password"], "<redacted>");
    for limit in 4..all.len() + 2 {
        let (json, cut) = capture(&rules, limit, &value);
        assert!(json.len() <= limit, "{limit}: {json}");
        serde_json::from_str::<Value>(&json).unwrap_or_else(|error| panic!("{limit}: {error}: {json}"));
        assert!(!json.contains("hidden"));
        // One byte may be kept for a quote that is not due in the end.
        assert!((cut == 0) == (limit >= all.len()) || limit == all.len(), "{limit}: {cut} of {}", all.len());
        assert!(cut == 0 || cut > limit.saturating_sub(16), "{limit}: {cut}");
    }
}

#[test]
fn a_long_text_says_how_long_it_is_and_is_cut_at_a_character() {
    let text = "é".repeat(1 << 20);
    let (json, cut) = capture(&Capture::default(), 101, &text);
    assert!(json.len() <= 101 && json.len() > 96, "{}", json.len());
    assert_eq!(json.trim_matches('"'), "é".repeat(json.len() / 2 - 1));
    assert!((text.len()..text.len() + 8).contains(&cut), "{cut}");
    let escapes = "\n".repeat(1000);
    let (json, cut) = capture(&Capture::default(), 64, &escapes);
    serde_json::from_str::<String>(&json).unwrap();
    assert!(json.len() <= 64 && cut > 64);
}

#[test]
fn denied_keys_hide_whatever_is_under_them() {
    #[derive(Serialize)]
    struct Login<'a> {
        user: &'a str,
        password: &'a str,
        headers: HashMap<String, Vec<String>>,
        max_tokens: u32,
        nested: Nested,
    }
    #[derive(Serialize)]
    struct Nested {
        api_key: Vec<BTreeMap<String, Shape>>,
        after: u8,
    }
    let login = Login {
        user: "u1",
        password: "hunter2",
        headers: [("X-Authorization".to_owned(), vec!["Bearer hunter2".to_owned()])].into(),
        max_tokens: 5,
        nested: Nested {
            api_key: vec![[("hunter2".to_owned(), Shape::Struct { a: None, b: () })].into(), BTreeMap::new()],
            after: 7,
        },
    };
    let (json, _) = capture(&Capture::default(), 1 << 20, &login);
    assert_eq!(
        json,
        r#"{"user":"u1","password":"<redacted>","headers":{"X-Authorization":"<redacted>"},"max_tokens":5,"nested":{"api_key":"<redacted>","after":7}}"#
    );
    assert!(whole(&login).contains("hunter2"), "the control: nothing is denied");
    let of_ones_own = Capture::default().deny("user");
    assert!(!capture(&of_ones_own, 1 << 20, &login).0.contains("u1"));
}

#[test]
fn a_value_that_fails_or_panics_is_replaced_by_a_text_without_its_words() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("hunter2"))
        }
    }
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("hunter2")
        }
    }
    assert_eq!(whole(&(1, Fails)), r#""<not captured: it can't be serialised>""#);
    assert_eq!(whole(&[Panics]), r#""<not captured: its Serialize panicked>""#);
    let no_text: HashMap<(u8, u8), u8> = [((1, 2), 3)].into();
    assert_eq!(whole(&no_text), r#""<not captured: it can't be serialised>""#);
}

#[test]
fn a_value_that_takes_no_notice_of_a_failing_part_is_replaced_too() {
    struct Lenient;
    impl Serialize for Lenient {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_key(&(1, 2));
            let _ = map.serialize_value(&3);
            map.end()
        }
    }
    struct Half(Cell<bool>);
    impl Serialize for Half {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element(&1)?;
            let inside = self.0.take().then(|| list.serialize_element(&(2, Half(Cell::new(false)))));
            assert!(matches!(inside, None | Some(Err(_))));
            match inside {
                None => Err(serde::ser::Error::custom("half a list")),
                Some(_) => list.end(),
            }
        }
    }
    struct Catches;
    impl Serialize for Catches {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut list = serializer.serialize_seq(None)?;
            let panicked = catch_unwind(AssertUnwindSafe(|| list.serialize_element(&debug(&PanicsHalfWay))));
            assert!(panicked.is_err());
            list.serialize_element(&1)?;
            list.end()
        }
    }
    struct PanicsHalfWay;
    impl std::fmt::Debug for PanicsHalfWay {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half a ")?;
            panic!("as it was asked to")
        }
    }
    for json in [whole(&[Lenient]), whole(&Half(Cell::new(true))), whole(&Catches)] {
        assert_eq!(json, r#""<not captured: it can't be serialised>""#);
    }
}

#[test]
fn values_nested_too_deep_are_cut() {
    let mut value = Value::Null;
    for _ in 0..1000 {
        value = json!([value]);
    }
    let (json, cut) = capture(&Capture::default(), 1 << 20, &value);
    assert_eq!((json.len(), cut > 0), (256, true));
    serde_json::from_str::<Value>(&json).unwrap_err(); // serde_json's own limit is 128, and it counts from another end
}

#[test]
fn a_debug_text_stops_at_the_limit() {
    let list: Vec<u32> = (0..1_000_000).collect();
    let (json, cut) = capture(&Capture::default(), 64, &debug(&list));
    assert!(json.starts_with("\"[0, 1, 2") && json.ends_with('"') && json.len() <= 64 && cut > json.len(), "{json}");
}

#[test]
fn the_mask_has_the_last_word_and_never_lets_a_value_pass_by_failing() {
    let upper = Capture::default().mask(|key, json| *json = format!("{key}:{}", json.to_uppercase()));
    assert_eq!(upper.masked("k", b"\"a\"".to_vec(), 64), b"k:\"A\"");
    let panics = Capture::default().mask(|_, _| panic!("no"));
    assert_eq!(panics.masked("k", b"\"hunter2\"".to_vec(), 64), b"\"<not captured: the mask panicked>\"");
    let long = Capture::default().mask(|_, json| *json = "x".repeat(65));
    assert_eq!(long.masked("k", b"1".to_vec(), 64), b"\"<not captured: longer than the limit after the mask>\"");
}
