//! Models of the protocol. Loom runs them in every order that matters.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p heirloom-core --lib --release models -- --nocapture --test-threads 1
//! ```
//!
//! Each model uses the real writer, reader and registry; models with spans also use the collector's real passes. Each has
//! mutants: the same model with one ordering planted wrong, which must fail. Each must run a minimum number of executions
//! and reach the places that it tests, because loom can silently explore a single execution (a thread that reads back an
//! atomic that only it writes hides the others' interleavings).
#![allow(clippy::unwrap_used)]

mod close;
mod ends;
mod escaped;
mod flush;
mod lease;
mod ring;
mod space;
mod stage;

use crate::sync::{Edge, Ordering, WEAKENED};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Once};
use std::time::Instant;

/// How often threads may be interrupted in one execution: three, or the environment's number. Most bugs need one or two.
fn preemptions() -> usize {
    std::env::var("HEIRLOOM_PREEMPTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

/// Loom's upper bound on the steps of one execution. Exceeding it is an error, not a silent end.
const MAX_STEPS: usize = 20_000;

/// An ordering planted wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// This access of a shard is relaxed.
    Weak(Edge),
    /// The orderings with which one thread passes a span or a request to another are relaxed.
    HandOver,
    /// A span that escaped ends as if it had not.
    NotEscaped,
    /// A flush counts a pass that began before the request.
    PassBeforeRequest,
    /// A flush makes only one pass.
    OnePass,
    /// A reservation is returned twice.
    CreditTwice,
    /// The collector frees memory that the writer may write.
    FreesTheClaim,
    /// It frees memory without marking the writer's claim.
    FreesWithoutMark,
    /// A shard is free for others before its owner has written its last record.
    FreeTooEarly,
}

use Planted::Weak;

/// The four accesses that pass words to the other side, each relaxed.
const EDGES: [Planted; 4] = [Weak(Edge::Publish), Weak(Edge::SeeHead), Weak(Edge::Free), Weak(Edge::SeeTail)];

thread_local! {
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    static REACHED: RefCell<HashSet<&'static str>> = RefCell::default();
    static FAILURE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn planted(what: Planted) -> bool {
    PLANTED.with(|planted| planted.get() == Some(what))
}

/// The orderings with which threads of a model communicate: of the store and of the load.
fn hand_over() -> (Ordering, Ordering) {
    match planted(Planted::HandOver) {
        true => (Ordering::Relaxed, Ordering::Relaxed),
        false => (Ordering::Release, Ordering::Acquire),
    }
}

/// Records that an execution came here.
fn reached(place: &'static str) {
    REACHED.with(|places| places.borrow_mut().insert(place));
}

/// A model and its requirements.
struct Model {
    name: &'static str,
    run: fn(),
    /// The minimum number of executions: with fewer, loom has not explored the model.
    at_least: usize,
    /// Places that some execution must reach.
    reaches: &'static [&'static str],
    /// Variants that must fail.
    mutants: &'static [Planted],
}

impl Model {
    /// Runs the unchanged model, then each of its mutants.
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

    /// Runs all executions, or until one fails. Returns their number, or the failure.
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

/// Keeps the first message of a panic instead of printing it: mutants panic by design.
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
