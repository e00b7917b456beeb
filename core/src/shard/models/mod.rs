//! Models of the protocol, which loom runs in every order that matters.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p heirloom-core --lib --release models -- --nocapture --test-threads 1
//! ```
//!
//! Each model uses the real writer, reader and registry, and where spans are concerned the collector's real passes. Each
//! has mutants: the same model with one ordering planted wrong, which must fail. And each must be explored in a minimum
//! number of executions and reach the places it is about, since loom can silently explore one execution only (a thread
//! that reads back an atomic which it alone writes hides the others' interleavings).
#![allow(clippy::unwrap_used)]

mod close;
mod ends;
mod escaped;
mod flush;
mod lease;
mod ring;
mod stage;

use crate::sync::{Edge, Ordering, WEAKENED};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once};
use std::time::Instant;

/// How often threads may be interrupted in one execution: three, or what the environment says. Most bugs need one or two.
fn preemptions() -> usize {
    std::env::var("HEIRLOOM_PREEMPTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

/// Loom's bound on the steps of one execution; reaching it is an error, not a silent end.
const MAX_STEPS: usize = 20_000;

/// An ordering planted wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// This access of a shard is relaxed.
    Weak(Edge),
    /// What one thread tells another one about a span or a request is relaxed.
    HandOver,
    /// A span that escaped ends as if it had not.
    NotEscaped,
    /// A flush counts a pass that it began before it was asked.
    PassBeforeRequest,
    /// A flush is content with one pass.
    OnePass,
    /// A reservation is given back twice.
    CreditTwice,
    /// A shard is free for others before its owner wrote its last record.
    FreeTooEarly,
}

use Planted::Weak;

/// The four accesses that hand over words, each relaxed.
const EDGES: [Planted; 4] = [Weak(Edge::Publish), Weak(Edge::SeeHead), Weak(Edge::Free), Weak(Edge::SeeTail)];

thread_local! {
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    static REACHED: RefCell<HashSet<&'static str>> = RefCell::default();
    static FAILURE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn planted(what: Planted) -> bool {
    PLANTED.with(|planted| planted.get() == Some(what))
}

/// The orderings with which threads of a model tell each other something: of the store and of the load.
fn hand_over() -> (Ordering, Ordering) {
    match planted(Planted::HandOver) {
        true => (Ordering::Relaxed, Ordering::Relaxed),
        false => (Ordering::Release, Ordering::Acquire),
    }
}

/// Notes that an execution came here.
fn reached(place: &'static str) {
    REACHED.with(|places| places.borrow_mut().insert(place));
}

/// A model and what is demanded of it.
struct Model {
    name: &'static str,
    run: fn(),
    /// Fewer executions than this mean that loom didn't look.
    at_least: usize,
    /// Where some execution must have been.
    reaches: &'static [&'static str],
    /// What must fail.
    mutants: &'static [Planted],
}

impl Model {
    /// Runs the model as it is, then each of its mutants.
    fn check(&self) {
        assert!(self.mutants.len() >= 2, "{}: at least two mutants", self.name);
        let executions = match self.explore(None) {
            Ok(executions) => executions,
            Err(why) => panic!("{}: {why}", self.name),
        };
        assert!(executions >= self.at_least, "{}: only {executions} executions", self.name);
        let missed = self.reaches.iter().find(|place| !REACHED.with(|places| places.borrow().contains(*place)));
        assert_eq!(missed, None, "{}: never reached", self.name);
        let survivors: Vec<_> = self.mutants.iter().filter(|mutant| self.explore(Some(**mutant)).is_ok()).collect();
        assert!(survivors.is_empty(), "{}: these mutants were not noticed: {survivors:?}", self.name);
    }

    /// Runs all executions, or as many as it takes to fail; says how many there were, or what failed.
    fn explore(&self, mutant: Option<Planted>) -> Result<usize, String> {
        listen_to_panics();
        PLANTED.with(|planted| planted.set(mutant));
        WEAKENED.with(|weakened| {
            weakened.set(match mutant {
                Some(Weak(edge)) => Some(edge),
                _ => None,
            })
        });
        FAILURE.with(|failure| failure.borrow_mut().clear());
        let mut loom = loom::model::Builder::new();
        loom.preemption_bound = Some(preemptions());
        loom.max_branches = MAX_STEPS;
        let executions = Arc::new(AtomicUsize::new(0));
        let (counter, run, start) = (Arc::clone(&executions), self.run, Instant::now());
        let result = catch_unwind(AssertUnwindSafe(|| {
            loom.check(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                run();
            });
        }));
        PLANTED.with(|planted| planted.set(None));
        WEAKENED.with(|weakened| weakened.set(None));
        let executions = executions.load(Ordering::Relaxed);
        let why = FAILURE.with(|failure| failure.borrow().clone());
        self.report(mutant, executions, result.is_ok(), start, &why);
        result.map(|()| executions).map_err(|_| why)
    }

    /// One line of the table that `ci/loom.sh` prints.
    fn report(&self, mutant: Option<Planted>, executions: usize, holds: bool, start: Instant, why: &str) {
        let what = mutant.map_or_else(|| "clean".to_owned(), |mutant| format!("{mutant:?}"));
        let verdict = match (mutant, holds) {
            (None, true) => "holds",
            (None, false) => "BROKEN",
            (Some(_), false) => "caught",
            (Some(_), true) => "SURVIVED",
        };
        let (name, seconds) = (self.name, start.elapsed().as_secs_f64());
        println!("model | {name:<28} | {what:<18} | {executions:>8} | {verdict:<8} | {seconds:>6.1} s | {why}");
    }
}

/// Keeps the first message of a panic instead of printing it: a mutant is meant to panic.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if PLANTED.with(|planted| planted.get()).is_none() {
                before(info);
            }
            FAILURE.with(|failure| {
                let mut failure = failure.borrow_mut();
                if failure.is_empty() {
                    *failure = info.to_string().lines().skip(1).take(1).collect();
                }
            });
        }));
    });
}
