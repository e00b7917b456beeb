//! The flame graph: spans with the same names from their root down, added up.

use super::index::Ids;
use crate::analysis::Analysis;
use crate::model::{NameIx, Run, SpanIx};
use std::collections::HashMap;

/// Spans with the same chain of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// An index into the nodes, smaller than this one's.
    pub(super) parent: Option<u32>,
    pub(super) name: NameIx,
    pub(super) count: u64,
    /// Time in which they were the innermost spans of their lanes and didn't wait.
    pub(super) own: u64,
    /// Time of theirs on the critical path.
    pub(super) critical: u64,
    /// The longest of them.
    pub(super) longest: SpanIx,
}

/// Nodes narrower than this part of the whole are left out: on a screen they would be far below a pixel.
const NARROWEST: u64 = 20_000;

/// The nodes, parents first.
pub(super) fn nodes(run: &Run, analysis: &Analysis, levels: &[u32], own: &[u64], ids: &Ids) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut of_span = vec![0u32; run.spans.len()];
    let mut by_key: HashMap<(Option<u32>, NameIx), u32> = HashMap::new();
    let mut order: Vec<SpanIx> = (0..run.spans.len() as u32).collect();
    order.sort_by_key(|span| levels[*span as usize]);
    let length = |span: SpanIx| run.spans[span as usize].end.saturating_sub(run.spans[span as usize].start);
    for span in order {
        let of = &run.spans[span as usize];
        // In a circle of parents the level of a root is 0.
        let parent = of.parent().filter(|_| levels[span as usize] > 0).map(|parent| of_span[parent as usize]);
        let ix = *by_key.entry((parent, of.name)).or_insert_with(|| {
            nodes.push(Node { parent, name: of.name, count: 0, own: 0, critical: 0, longest: span });
            nodes.len() as u32 - 1
        });
        of_span[span as usize] = ix;
        let node = &mut nodes[ix as usize];
        node.count += 1;
        node.own += own[span as usize];
        if length(span) > length(node.longest) {
            node.longest = span;
        }
    }
    for step in &analysis.critical_path {
        if let Some(span) = ids.find(&step.span) {
            nodes[of_span[span as usize] as usize].critical += step.to.saturating_sub(step.from);
        }
    }
    without_the_narrow(nodes)
}

fn without_the_narrow(nodes: Vec<Node>) -> Vec<Node> {
    let mut whole: Vec<(u64, u64)> = nodes.iter().map(|node| (node.own, node.critical)).collect();
    for ix in (0..nodes.len()).rev() {
        if let Some(parent) = nodes[ix].parent {
            whole[parent as usize].0 += whole[ix].0;
            whole[parent as usize].1 += whole[ix].1;
        }
    }
    let sum = |of: fn(&Node) -> u64| nodes.iter().map(of).sum::<u64>();
    let (own, critical) = (sum(|node| node.own) / NARROWEST, sum(|node| node.critical) / NARROWEST);
    let mut kept: Vec<Node> = Vec::new();
    let mut new = vec![None; nodes.len()];
    for (ix, mut node) in nodes.into_iter().enumerate() {
        if whole[ix].0 > own || whole[ix].1 > critical {
            node.parent = node.parent.and_then(|parent| new[parent as usize]);
            new[ix] = Some(kept.len() as u32);
            kept.push(node);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Step;
    use crate::html::{index, layout::Layout};
    use crate::testing::Kit;

    /// The nodes of a run, as `root/child own critical count`.
    fn lines(run: &Run, analysis: &Analysis) -> Vec<String> {
        let own = Layout::of(run).own;
        let nodes = nodes(run, analysis, &index::levels(run), &own, &Ids::of(run));
        let path = |mut ix: u32| {
            let mut path = run.names[nodes[ix as usize].name as usize].to_string();
            while let Some(parent) = nodes[ix as usize].parent {
                ix = parent;
                path = format!("{}/{path}", run.names[nodes[ix as usize].name as usize]);
            }
            path
        };
        let mut lines: Vec<String> = (0..nodes.len() as u32)
            .map(|ix| {
                let Node { own, critical, count, .. } = nodes[ix as usize];
                format!("{} {own} {critical} {count}", path(ix))
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn spans_with_the_same_names_from_the_root_down_are_one_node() {
        let mut kit = Kit::new();
        let (main, other) = (kit.lane("main"), kit.lane("other"));
        let root = kit.span(main, "run", None, 0..100);
        kit.span(main, "load", Some(root), 0..30);
        let worker = kit.span(other, "worker", Some(root), 0..50);
        let long = kit.span(other, "load", Some(worker), 0..20);
        kit.span(other, "load", Some(worker), 20..30);
        let id = |span: SpanIx| format!("{:016x}", u64::from(span) + 1);
        let step = |span, from, to| Step { span: id(span), name: String::new(), lane: 0, from, to, because: "child" };
        let critical_path = vec![step(root, 0, 40), step(long, 40, 60), step(99, 60, 70)];
        let analysis = Analysis { critical_path, ..Analysis::default() };
        let run = kit.run();
        let wanted = ["run 70 40 1", "run/load 30 0 1", "run/worker 20 0 1", "run/worker/load 30 20 2"];
        assert_eq!(lines(&run, &analysis), wanted);
    }

    #[test]
    fn what_no_screen_can_show_is_left_out() {
        let mut kit = Kit::new();
        let lane = kit.lane("main");
        let root = kit.span(lane, "run", None, 0..1_000_000);
        kit.span(lane, "tiny", Some(root), 0..20);
        kit.span(lane, "small", Some(root), 100..300);
        assert_eq!(lines(&kit.run(), &Analysis::default()), ["run 999780 0 1", "run/small 200 0 1"]);
    }
}
