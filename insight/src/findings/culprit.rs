//! The evidence against what is blamed: which spans, on which thread, after what.

use super::Case;
use crate::analysis::{Analysis, Blame, Evidence, Lock, Name};
use crate::model::{Run, Span};
use crate::text::lane_names;
use crate::text::units::{count, counted, duration, three};

/// The longest span behind a blame.
pub(super) struct Longest<'a> {
    pub(super) span: &'a Span,
}

impl<'a> Longest<'a> {
    /// The longest of the blamed spans.
    pub(super) fn of(case: &Case<'a>, blame: &Blame) -> Option<Self> {
        let ix = case
            .spans(&blame.spans)
            .into_iter()
            .max_by_key(|ix| (length(&case.run.spans[*ix as usize]), u32::MAX - ix))?;
        Some(Self { span: &case.run.spans[ix as usize] })
    }

    /// The longest of all spans of a name. Those that are blamed are only some of them.
    pub(super) fn of_name(case: &Case<'a>, row: &Name) -> Option<Self> {
        let ix = case.spans(std::slice::from_ref(&row.slowest)).into_iter().next()?;
        Some(Self { span: &case.run.spans[ix as usize] })
    }

    pub(super) fn ns(&self) -> u64 {
        length(self.span)
    }

    pub(super) fn id(&self) -> String {
        self.span.id.to_string()
    }

    /// The thread that it ran on, as the tables name it.
    pub(super) fn lane(&self, analysis: &Analysis) -> String {
        lane_names::name(&analysis.lanes, self.span.lane)
    }

    /// `after all 4,096 thumbnail had ended`: the fan-out of its parent that ended last before it began.
    pub(super) fn after(&self, run: &Run) -> Option<String> {
        let parent = self.span.parent()?;
        let before = run.fans.iter().filter(|fan| fan.parent == Some(parent) && !fan.children.is_empty());
        let before = before.filter(|fan| fan.join.is_some_and(|join| join <= self.span.start));
        let fan = before.max_by_key(|fan| (fan.join, fan.id))?;
        let first = &run.spans[*fan.children.first()? as usize];
        let same = fan.children.iter().filter(|child| run.spans[**child as usize].name == first.name).count();
        let name = &run.names[first.name as usize];
        Some(match same {
            1 => format!("after `{name}` had ended"),
            _ => format!("after all {} `{name}` had ended", count(same as u64)),
        })
    }

    /// How many pieces its fan-out has, and whether it is the longest of them; without a fan-out, of all spans of its name.
    pub(super) fn among(&self, run: &Run, row: &Name) -> (u64, bool) {
        let Some(fan) = self.span.fan() else { return (row.count, row.max_ns <= self.ns()) };
        let pieces = &run.fans[fan as usize].children;
        let longest = pieces.iter().map(|piece| length(&run.spans[*piece as usize])).max();
        (pieces.len() as u64, longest.is_none_or(|longest| longest <= self.ns()))
    }

    /// Whether its fan-out has it among its children.
    pub(super) fn is_piece(&self) -> bool {
        self.span.fan().is_some()
    }
}

fn length(span: &Span) -> u64 {
    span.end.saturating_sub(span.start)
}

/// The row of a name.
pub(super) fn name<'a>(analysis: &'a Analysis, name: &str) -> Option<&'a Name> {
    analysis.names.iter().find(|row| row.name == name)
}

/// The row of a lock.
pub(super) fn lock<'a>(analysis: &'a Analysis, blame: &Blame) -> Option<&'a Lock> {
    let name = blame.lock.as_ref()?;
    analysis.locks.iter().find(|row| row.name == *name)
}

/// A blame, as evidence.
pub(super) fn charged(blame: &Blame) -> Evidence {
    Evidence { label: "lost time charged to it".to_owned(), value: duration(blame.ns), spans: blame.spans.clone() }
}

/// The longest of the blamed spans, as evidence. `row` is that of its name, which may have longer ones.
pub(super) fn longest(analysis: &Analysis, longest: &Longest<'_>, row: Option<&Name>) -> Evidence {
    let lane = longest.lane(analysis);
    let value = format!("{} on {lane}", duration(longest.ns()));
    let others = row.is_some_and(|row| row.max_ns > longest.ns());
    let label = if others { "the longest of these" } else { "the longest" };
    Evidence { label: label.to_owned(), value, spans: vec![longest.id()] }
}

/// How often and how long, as evidence.
pub(super) fn durations(row: &Name) -> Evidence {
    let (median, longest) = (duration(row.median_ns), duration(row.max_ns));
    let value = match row.count {
        1 => format!("1 span of {longest}"),
        count => format!("{}, median {median}, longest {longest}", counted(count, "span", "spans")),
    };
    Evidence { label: "durations".to_owned(), value, spans: vec![row.slowest.clone()] }
}

/// How a lock was used, as evidence.
pub(super) fn lock_use(row: &Lock) -> Vec<Evidence> {
    let waits =
        format!("{} of {} in all, {} at most", count(row.waits), duration(row.wait_ns), duration(row.max_wait_ns));
    let holds = format!("{} in all, {} at most", duration(row.held_ns), duration(row.max_hold_ns));
    let mut evidence = vec![Evidence { label: "waits".to_owned(), value: waits, spans: Vec::new() }];
    if row.held_ns > 0 {
        evidence.push(Evidence { label: "held".to_owned(), value: holds, spans: Vec::new() });
    }
    evidence
}

/// How many times as long as the median the longest is.
pub(super) fn times_median(row: &Name, ns: u64) -> Option<String> {
    let times = ns as f64 / row.median_ns.max(1) as f64;
    (times >= 1.5).then(|| format!("{} times the median", three((times * 10.0).round() / 10.0)))
}
