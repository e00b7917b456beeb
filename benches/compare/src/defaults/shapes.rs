//! Traces of different shapes, in bursts as in [`bursts`](super::bursts): a shape that is as common as plain children must not cost
//! much more.

use super::bursts::in_bursts;
use super::{numbers, Numbers};
use crate::peers::heirloom::{init, rest_until_drained, Heirloom};
use crate::peers::Peer;
use crate::plan::Scenario;
use crate::workload::{Samples, Stretch, CHILD, KEYS, PARENT};
use heirloom_core::{Context, Span};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// The shape of the traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Children of one open parent.
    #[default]
    Plain,
    /// Roots with ten children each.
    Roots,
    /// As `Plain`; the context of every tenth child is handed out.
    HandedOut,
    /// As `Plain`; the trace has two values.
    TraceValues,
}

/// Children of a root; the root itself is the eleventh span.
const CHILDREN: u64 = 10;

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 4] = [Shape::Plain, Shape::Roots, Shape::HandedOut, Shape::TraceValues];

    /// The name in the table.
    pub fn label(self) -> &'static str {
        match self {
            Shape::Plain => "children of one parent",
            Shape::Roots => "roots of ten children",
            Shape::HandedOut => "one handed-out context per ten spans",
            Shape::TraceValues => "trace values set",
        }
    }
}

/// Measures in this process.
pub fn measure(shape: Shape, scenario: &Scenario) -> Result<Numbers, String> {
    match scenario.attributes {
        false => run::<false>(shape, scenario),
        true => run::<true>(shape, scenario),
    }
}

fn run<const ATTRIBUTES: bool>(shape: Shape, scenario: &Scenario) -> Result<Numbers, String> {
    let (guard, received) = init(scenario)?;
    let samples = Samples::new();
    let parent = heirloom_core::root(PARENT);
    let cx = parent.context();
    if shape == Shape::TraceValues {
        let _ = cx.trace_update().user("user 1").session("session 1");
    }
    let mut record = |stretch: Stretch| match shape {
        Shape::Plain | Shape::TraceValues => children::<ATTRIBUTES>(cx, stretch, &samples),
        Shape::Roots => roots::<ATTRIBUTES>(stretch, &samples),
        Shape::HandedOut => handed_out::<ATTRIBUTES>(cx, stretch, &samples),
    };
    // Whole roots, so that every span of a stretch is recorded.
    let whole = |spans: u64| spans - spans % (CHILDREN + 1);
    let (spans, burst) = (whole(scenario.spans_per_thread), whole(Heirloom::burst(ATTRIBUTES)));
    in_bursts(spans, burst, &mut record, |_| rest_until_drained(guard.tracer(), burst))?;
    drop(parent);
    let report = guard.finish();
    let lost = (spans + 1).saturating_sub(received.count());
    Ok(numbers([("lost", lost as f64), ("unnamed", lost.abs_diff(report.ledger().dropped()) as f64)]))
}

fn children<const ATTRIBUTES: bool>(cx: Context, stretch: Stretch, samples: &Samples) {
    for id in stretch.ids() {
        let span = cx.span(CHILD);
        set::<ATTRIBUTES>(&span, id, samples);
    }
}

fn roots<const ATTRIBUTES: bool>(stretch: Stretch, samples: &Samples) {
    for first in stretch.ids().step_by(CHILDREN as usize + 1) {
        let root = heirloom_core::root(PARENT);
        set::<ATTRIBUTES>(&root, first, samples);
        for id in first + 1..=first + CHILDREN {
            let span = root.span(CHILD);
            set::<ATTRIBUTES>(&span, id, samples);
        }
    }
}

fn handed_out<const ATTRIBUTES: bool>(cx: Context, stretch: Stretch, samples: &Samples) {
    for id in stretch.ids() {
        let span = cx.span(CHILD);
        set::<ATTRIBUTES>(&span, id, samples);
        if id % 10 == 0 {
            black_box(span.context());
        }
    }
}

#[inline(always)]
fn set<const ATTRIBUTES: bool>(span: &Span, id: u64, samples: &Samples) {
    if ATTRIBUTES {
        let sample = samples.of(id);
        span.set(KEYS[0], sample.count).set(KEYS[1], sample.ratio).set(KEYS[2], sample.file);
    }
}
