//! Spans of destructors that run while their thread panics.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, span, Span, Status};
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};

/// Runs a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "it is for destructors during a panic");
        (self.0)();
    }
}

/// Panics in a span with the name "job", inside which `at_unwinding` runs in a destructor.
fn job_panics(at_unwinding: impl FnMut()) {
    let job = || {
        in_root("root", |_| {
            in_span("job", |_| {
                let _cleanup = OnDrop(at_unwinding);
                // The names are known on this thread, as in a program that ran well until now.
                ["rollback", "step"].into_iter().for_each(|name| span(name).end());
                panic_any(1_u8)
            })
        })
    };
    assert_eq!(catch_unwind(AssertUnwindSafe(job)).unwrap_err().downcast_ref(), Some(&1_u8));
}

fn is_error(t: &Testing, name: &str) -> bool {
    // The last one: the first is from before the panic.
    let span = t.spans().into_iter().filter(|span| span.name == name).max_by_key(|span| span.start_ns).unwrap();
    let error = span.status == Status::Error("the thread panicked".into());
    assert_eq!(error, span.attribute("error.type").is_some_and(|kind| kind == &"panic".into()), "{span:?}");
    assert!(error || span.status == Status::Unset, "{span:?}");
    error
}

/// Checks which of the spans are errors when `at_unwinding` runs in a destructor during a panic.
#[track_caller]
fn assert_errors(at_unwinding: impl Fn(), expected: &[(&str, bool)]) {
    testing::run(|t| {
        job_panics(&at_unwinding);
        for (name, error) in expected {
            assert_eq!(is_error(t, name), *error, "{name}");
        }
        assert!(is_error(t, "job") && is_error(t, "root"), "what panicked is an error");
        t.assert_complete();
    });
}

#[test]
fn a_span_begun_during_unwinding_that_ends_well_is_no_error() {
    let nested = || {
        let rollback = span("rollback");
        let _scope = rollback.enter();
        rollback.set("rows", 3);
        rollback.span("step").end();
    };
    let closures = || in_span("rollback", |_| in_span("step", |_| ()));
    let built = || {
        let cx = heirloom_core::Context::current();
        cx.build("rollback").in_scope(|rollback| drop(rollback.build("step").start()));
    };
    let own_root = || {
        let root = heirloom_core::root(String::from("rollback"));
        root.in_span(String::from("step"), |_| ());
    };
    for at_unwinding in [&nested as &dyn Fn(), &closures, &built, &own_root] {
        assert_errors(at_unwinding, &[("rollback", false), ("step", false)]);
    }
}

#[cfg(feature = "macros")]
#[test]
fn an_observed_function_called_during_unwinding_that_ends_well_is_no_error() {
    #[heirloom_core::observe]
    fn rollback() {
        step();
    }
    #[heirloom_core::observe]
    fn step() {}
    assert_errors(rollback, &[("rollback", false), ("step", false)]);
}

#[test]
fn a_span_from_before_the_panic_that_a_destructor_ends_is_an_error() {
    testing::run(|t| {
        let kept = std::cell::RefCell::new(None::<Span>);
        let job = || {
            in_root("root", |root| {
                let _cleanup = OnDrop(|| drop(kept.take()));
                *kept.borrow_mut() = Some(root.span("before"));
                panic_any(1_u8)
            })
        };
        catch_unwind(AssertUnwindSafe(job)).unwrap_err();
        assert!(is_error(t, "before") && is_error(t, "root"));
        t.assert_complete();
    });
}

#[test]
fn a_second_panic_inside_a_destructor_ends_the_closures_that_it_unwinds_as_errors() {
    let second = || {
        in_span("rollback", |_| {
            let _ = catch_unwind(|| in_span("step", |_| panic_any(2_u8)));
        });
    };
    assert_errors(second, &[("rollback", false), ("step", true)]);
}

#[cfg(feature = "async")]
#[test]
fn a_future_polled_during_unwinding_is_an_error_only_if_its_poll_panics() {
    use heirloom_core::future::FutureExt as _;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let poll = |fails: bool| {
        let future = std::future::poll_fn(move |_| if fails { panic_any(2_u8) } else { Poll::Ready(()) });
        let mut future = pin!(future.in_span(span("step")));
        let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert_eq!(catch_unwind(AssertUnwindSafe(poll)).is_ok(), !fails);
    };
    assert_errors(|| poll(false), &[("step", false)]);
    assert_errors(|| poll(true), &[("step", true)]);
}

#[test]
fn a_span_begun_during_unwinding_that_another_threads_panic_ends_is_an_error() {
    let moved = || {
        let step = span("step");
        let other = std::thread::spawn(move || -> () {
            let _step = step;
            panic_any(2_u8)
        });
        other.join().unwrap_err();
    };
    assert_errors(moved, &[("step", true)]);
}

#[test]
fn after_a_panic_is_caught_spans_are_judged_as_before() {
    testing::run(|t| {
        job_panics(|| span("rollback").end());
        assert!(!is_error(t, "rollback"));
        job_panics(|| ());
        in_root("later", |_| ());
        assert!(is_error(t, "job") && !is_error(t, "later"));
    });
}
