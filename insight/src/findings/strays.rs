//! Spans that lost their parent: roots without children that ran amid a fan-out of another trace, on a thread that ran its pieces.
//! A root with children may be a request that a waiting thread of rayon stole.

use super::Case;
use crate::analysis::Note;
use crate::model::{FanIx, LaneIx, NoteKind, Run, Span, SpanIx};
use crate::text::units::count;
use std::collections::{BTreeMap, BTreeSet};

/// A note about them. A root arrives when it was recorded, and no change moves it. So such roots hide what a change gains.
pub(super) fn note(case: &Case<'_>) -> Option<Note> {
    let mut names: BTreeMap<u32, u64> = BTreeMap::new();
    for span in strays(case) {
        *names.entry(span.name).or_default() += 1;
    }
    let all: u64 = names.values().sum();
    let (most, _) = names.iter().max_by_key(|(name, spans)| (**spans, u32::MAX - **name))?;
    let (named, kinds) = (&case.run.names[*most as usize], names.len());
    let spans = match (all, kinds) {
        (1, _) => format!("1 span, `{named}`, has no parent, though it"),
        (all, 1) => format!("{} spans, all `{named}`, have no parent, though they", count(all)),
        (all, _) => format!("{} spans, most of them `{named}`, have no parent, though they", count(all)),
    };
    let rest = "What belongs to the fan-out needs its context; otherwise the gain of a change is hidden.";
    let text = format!("{spans} ran amid a fan-out of another trace. {rest}");
    Some(Note { kind: NoteKind::Missing, text })
}

fn strays<'a>(case: &'a Case<'_>) -> Vec<&'a Span> {
    let run = case.run;
    let of_pool = |lane: LaneIx| run.lanes[lane as usize].pool.as_ref().is_some_and(|pool| &*pool.name == "rayon");
    let roots = (0..).zip(&run.spans).filter(|(_, span)| span.parent().is_none() && span.nested && !span.polled);
    let mut strays: BTreeMap<SpanIx, &Span> = roots.filter(|(_, span)| of_pool(span.lane)).collect();
    // Most runs have none: the rest looks at every span again.
    if strays.is_empty() {
        return Vec::new();
    }
    let submitted = run.stages.iter().map(|stage| stage.span);
    submitted.chain(run.spans.iter().filter_map(Span::parent)).for_each(|other| _ = strays.remove(&other));
    let amid = Fans::of(run);
    strays.into_values().filter(|span| amid.covers(span)).collect()
}

/// The fan-outs that each lane ran pieces of.
struct Fans {
    /// By lane: begins in order, each with the latest join of the fan-outs that began until then.
    until: BTreeMap<LaneIx, Vec<(u64, u64)>>,
}

impl Fans {
    fn of(run: &Run) -> Self {
        let pieces = run.spans.iter().filter_map(|span| Some((span.lane, span.fan()?)));
        let strands = run.strands.iter().map(|strand| (strand.lane, strand.fan));
        let taken: BTreeSet<(LaneIx, FanIx)> = pieces.chain(strands).collect();
        let mut until: BTreeMap<LaneIx, Vec<(u64, u64)>> = BTreeMap::new();
        for (lane, fan) in taken {
            let fan = &run.fans[fan as usize];
            until.entry(lane).or_default().extend(fan.join.map(|join| (fan.begin, join)));
        }
        for fans in until.values_mut() {
            fans.sort_unstable();
            let mut latest = 0;
            fans.iter_mut().for_each(|(_, join)| (latest, *join) = (latest.max(*join), latest.max(*join)));
        }
        Self { until }
    }

    /// Whether the span is inside of one of them from start to end.
    fn covers(&self, span: &Span) -> bool {
        let Some(fans) = self.until.get(&span.lane) else { return false };
        let begun = fans.partition_point(|(begin, _)| *begin < span.start);
        begun > 0 && fans[begun - 1].1 >= span.end
    }
}
