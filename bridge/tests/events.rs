//! Events of the crate `tracing` become events of spans.

mod support;

use heirloom_core::{in_root, root, span, Status, Value};
use support::{run, run_with};
use tracing::{debug, error, event, info, info_span, warn, Level, Span};

fn names(span: &heirloom_core::export::SpanData) -> Vec<&str> {
    span.events.iter().map(|(name, ..)| name.as_str()).collect()
}

#[test]
fn an_event_has_its_message_as_name_and_level_target_and_fields() {
    run(|t| {
        info_span!("theirs").in_scope(|| debug!(target: "there", bytes = 12, peer = "a", "read {} times", 3));
        let theirs = t.span("theirs");
        let (name, _, attributes) = &theirs.events[0];
        assert_eq!(name, "read 3 times");
        let expected: Vec<(String, Value<'static>)> = vec![
            ("level".to_owned(), "DEBUG".into()),
            ("target".to_owned(), "there".into()),
            ("bytes".to_owned(), 12.into()),
            ("peer".to_owned(), "a".into()),
        ];
        assert_eq!(*attributes, expected);
    });
}

#[test]
fn an_event_without_a_message_has_tracings_name() {
    run(|t| {
        info_span!("theirs").in_scope(|| event!(name: "cache miss", Level::INFO, key = "k"));
        assert_eq!(names(&t.span("theirs")), ["cache miss"]);
    });
}

#[test]
fn a_message_that_is_too_long_for_a_name_is_an_attribute_too() {
    run(|t| {
        let long = "x".repeat(1000);
        info_span!("theirs").in_scope(|| info!("{long}"));
        let theirs = t.span("theirs");
        let (name, _, attributes) = &theirs.events[0];
        assert!(name.len() < 300);
        assert!(attributes.contains(&("message".to_owned(), long.into())));
    });
}

#[test]
fn an_event_goes_to_what_is_current_of_either_world() {
    run(|t| {
        in_root("ours", |_| {
            info!("one");
            info_span!("theirs").in_scope(|| {
                info!("two");
                span("ours within").in_span("deeper", |_| info!("three"));
                info!("four");
            });
            info!("five");
        });
        info!("of nothing");
        assert_eq!(names(&t.span("ours")), ["one", "five"]);
        assert_eq!(names(&t.span("theirs")), ["two", "four"]);
        assert_eq!(names(&t.span("deeper")), ["three"]);
    });
}

#[test]
fn an_event_with_an_explicit_parent_goes_there() {
    run(|t| {
        let other = info_span!("other");
        info_span!("theirs").in_scope(|| {
            info!(parent: &other, "there");
            info!(parent: None, "nowhere");
            info!(parent: Span::current(), "here");
        });
        in_root("ours", |_| info!(parent: Span::current(), "there is no such span"));
        drop(other);
        assert_eq!(names(&t.span("other")), ["there"]);
        assert_eq!(names(&t.span("theirs")), ["here"]);
        assert_eq!(names(&t.span("ours")), ["there is no such span"]);
    });
}

#[test]
fn an_event_of_the_level_error_is_the_status_of_its_span() {
    run(|t| {
        info_span!("theirs").in_scope(|| error!(error = %"disk full", "could not write"));
        in_root("ours", |_| error!("could not read"));
        info_span!("warned").in_scope(|| warn!(error = %"timed out", "retrying"));
        assert_eq!(t.span("theirs").status, Status::Error("disk full".to_owned()));
        assert_eq!(t.span("ours").status, Status::Error("could not read".to_owned()));
        assert_eq!(t.span("warned").status, Status::Unset, "it goes on");
    });
    run_with(
        |layer| layer.with_error_status(false),
        |t| {
            info_span!("theirs").in_scope(|| error!("handled"));
            assert_eq!((t.span("theirs").status, t.span("theirs").events.len()), (Status::Unset, 1));
        },
    );
}

#[test]
fn events_can_be_left_out() {
    run_with(
        |layer| layer.with_events(false),
        |t| {
            info_span!("theirs").in_scope(|| info!("not recorded"));
            assert_eq!(t.span("theirs").events, []);
        },
    );
}

#[test]
fn an_event_on_another_thread_reaches_our_span_that_is_current_there() {
    run(|t| {
        let ours = root("ours");
        let cx = ours.context();
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|threads| {
            let work = move || {
                let _scope = cx.enter();
                tracing::dispatcher::with_default(&dispatch, || info!("from there"));
            };
            drop(threads.spawn(work));
        });
        drop(ours);
        assert_eq!(names(&t.span("ours")), ["from there"]);
    });
}
