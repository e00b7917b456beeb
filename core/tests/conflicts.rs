//! Which of several values of one thing is kept: of a status, of a key, of names after the collector has tidied up.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::{in_root, root, testing, Name, Status};
use std::panic::{catch_unwind, AssertUnwindSafe};

#[test]
fn the_status_ok_is_final() {
    testing::run(|t| {
        root("set twice").set_status(Status::Ok).error("too late");
        root("error, then ok").error("at first").set_status(Status::Ok);
        let elsewhere = root("elsewhere");
        elsewhere.set_status(Status::Ok);
        std::thread::scope(|threads| _ = threads.spawn(|| elsewhere.error("too late")));
        elsewhere.context().update().error("too late");
        elsewhere.end();
        let panics = || {
            in_root("panics", |span| {
                span.set_status(Status::Ok);
                panic!("no")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        for name in ["set twice", "error, then ok", "elsewhere", "panics"] {
            assert_eq!(t.span(name).status, Status::Ok, "{name}");
        }
        t.assert_complete();
    });
}

#[test]
fn of_two_errors_the_later_wins() {
    testing::run(|t| {
        root("fails twice").error("first").error("second");
        assert_eq!(t.span("fails twice").status, Status::Error("second".into()));
    });
}

#[test]
fn of_equal_keys_of_an_event_or_a_link_the_last_wins() {
    testing::run(|t| {
        let other = root("other");
        let span = root("span");
        let attributes = [("key", 1.into()), ("other", 2.into()), ("key", 3.into())];
        span.event_with("event", &attributes).link_with(&other, &attributes);
        drop((span, other));
        let span = t.span("span");
        let expected = vec![("key".to_owned(), 3.into()), ("other".to_owned(), 2.into())];
        assert_eq!((&span.events[0].2, &span.links[0].2), (&expected, &expected));
        t.assert_complete();
    });
}

/// An attribute that is set again and again makes the collector move the bytes of everything else.
#[test]
fn texts_survive_that_the_collector_tidies_up() {
    testing::run(|t| {
        let span = root(Name::dynamic("first name"));
        span.set(Name::dynamic("dynamic key"), "kept").error("the reason");
        span.event_with(Name::dynamic("dynamic event"), &[("event key", "event value".into())]);
        span.rename(Name::dynamic("second name"));
        for n in 0..200 {
            span.set("again", format!("{n:03}").repeat(300));
        }
        span.event(Name::dynamic("last event"));
        drop(span);
        let span = t.span("second name");
        assert_eq!(span.attribute("dynamic key"), Some(&"kept".into()));
        assert_eq!(span.attribute("again"), Some(&"199".repeat(300).into()));
        assert_eq!(span.status, Status::Error("the reason".into()));
        let events: Vec<&str> = span.events.iter().map(|event| event.0.as_str()).collect();
        assert_eq!(events, ["dynamic event", "last event"]);
        assert_eq!(span.events[0].2, [("event key".to_owned(), "event value".into())]);
        t.assert_complete();
    });
}
