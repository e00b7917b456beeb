//! The parent and the children of each span.

use crate::export::SpanData;
use std::collections::HashMap;

/// The spans as trees, by their indices in the slice. Siblings and roots are sorted by start, then name, then id.
pub(super) struct Forest {
    /// Spans whose parent isn't among the spans.
    pub(super) roots: Vec<usize>,
    children: Vec<Vec<usize>>,
}

impl Forest {
    /// Links each span to its parent. A cycle occurs only in invalid input; it is cut at its first span.
    pub(super) fn new(spans: &[SpanData]) -> Self {
        let mut place = HashMap::with_capacity(spans.len());
        for (i, span) in spans.iter().enumerate() {
            place.entry((span.trace_id, span.span_id)).or_insert(i);
        }
        let parent_of = |span: &SpanData| place.get(&(span.trace_id, span.parent_span_id?)).copied();
        let parents: Vec<Option<usize>> = spans.iter().map(parent_of).collect();
        let mut forest = Self { roots: Vec::new(), children: vec![Vec::new(); spans.len()] };
        let mut sorted: Vec<usize> = (0..spans.len()).collect();
        sorted.sort_by_key(|&i| order(&spans[i]));
        for &i in &sorted {
            match parents[i] {
                Some(parent) => forest.children[parent].push(i),
                None => forest.roots.push(i),
            }
        }
        forest.cut_cycles(&sorted, &parents);
        forest
    }

    /// The children of a span, sorted.
    pub(super) fn children(&self, span: usize) -> &[usize] {
        &self.children[span]
    }

    /// All spans, each before its children.
    pub(super) fn top_down(&self) -> Vec<usize> {
        let mut list = Vec::with_capacity(self.children.len());
        list.extend(&self.roots);
        let mut next = 0;
        while let Some(&span) = list.get(next) {
            list.extend(&self.children[span]);
            next += 1;
        }
        list
    }

    /// Makes a root of the first span of each cycle, so that every span is reached once.
    fn cut_cycles(&mut self, sorted: &[usize], parents: &[Option<usize>]) {
        let mut reached = vec![false; self.children.len()];
        self.top_down().into_iter().for_each(|i| reached[i] = true);
        for &i in sorted {
            if reached[i] {
                continue;
            }
            if let Some(parent) = parents[i] {
                self.children[parent].retain(|child| *child != i);
            }
            self.roots.push(i);
            let mut below = vec![i];
            while let Some(span) = below.pop() {
                reached[span] = true;
                below.extend(&self.children[span]);
            }
        }
    }
}

/// The order of siblings.
pub(super) fn order(span: &SpanData) -> (u64, &str, u64) {
    (span.start_ns, &span.name, span.span_id.to_u64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture::{lane, span};

    #[test]
    fn siblings_are_sorted_by_start_then_name() {
        let s = |id, parent, name, start| span(id, parent, name, &lane(1), start, start + 1);
        let spans = [s(4, 1, "b", 5), s(3, 1, "a", 5), s(2, 1, "z", 4), s(1, 0, "root", 0), s(9, 8, "lost parent", 7)];
        let forest = Forest::new(&spans);
        assert_eq!(forest.roots, [3, 4]);
        assert_eq!(forest.children(3), [2, 1, 0]);
        assert_eq!(forest.top_down(), [3, 4, 2, 1, 0]);
    }

    #[test]
    fn a_parent_in_another_trace_is_no_parent() {
        let mut child = span(2, 1, "child", &lane(1), 0, 1);
        child.trace_id = crate::TraceId::from_u128(7);
        assert_eq!(Forest::new(&[span(1, 0, "root", &lane(1), 0, 1), child]).roots.len(), 2);
    }

    #[test]
    fn every_span_is_reached_once_even_in_a_cycle_and_if_ids_repeat() {
        let s = |id, parent| span(id, parent, "s", &lane(1), 0, 1);
        let spans = [s(1, 2), s(2, 3), s(3, 1), s(4, 3), s(5, 5), s(6, 0), s(6, 0), s(7, 6)];
        let mut reached = Forest::new(&spans).top_down();
        reached.sort_unstable();
        assert_eq!(reached, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
