//! The names alone, for tests.

use super::forest::Forest;
use super::text::{printable, MAX_INDENT};
use crate::export::SpanData;
use std::collections::HashMap;
use std::fmt::Write as _;

/// The tree as names, one line for each span, two spaces for each level; siblings and roots by start, then name.
///
/// Levels below 100 have the indent of level 100, and their number before the name: `[101] read`. So the text is linear
/// in the number of spans, however deep the tree is.
///
/// Spans whose parent isn't among them are roots. For spans that start in any order, use [`names_sorted`].
///
/// ```
/// # use heirloom_core::export::Memory;
/// # let memory = Memory::new();
/// assert_eq!(heirloom_core::tree::names(&memory.spans()), "");
/// ```
pub fn names(spans: &[SpanData]) -> String {
    let forest = Forest::new(spans);
    let children: Vec<&[usize]> = (0..spans.len()).map(|i| forest.children(i)).collect();
    print(spans, &forest.roots, &children)
}

/// As [`names`], but siblings and roots are sorted by name, and equal names by their subtrees. So the text of a tree
/// doesn't depend on the order in which threads ran it.
pub fn names_sorted(spans: &[SpanData]) -> String {
    let forest = Forest::new(spans);
    let ranks = ranks(spans, &forest);
    let key = |i: &usize| (spans[*i].name.as_str(), ranks[*i]);
    let sorted = |list: &[usize]| {
        let mut list = list.to_vec();
        list.sort_by_key(key);
        list
    };
    let children: Vec<Vec<usize>> = (0..spans.len()).map(|i| sorted(forest.children(i))).collect();
    print(spans, &sorted(&forest.roots), &children)
}

fn print(spans: &[SpanData], roots: &[usize], children: &[impl AsRef<[usize]>]) -> String {
    let mut text = String::new();
    let mut rest: Vec<(usize, usize)> = roots.iter().rev().map(|root| (*root, 0)).collect();
    while let Some((span, level)) = rest.pop() {
        text.extend(std::iter::repeat_n("  ", level.min(MAX_INDENT)));
        if level > MAX_INDENT {
            // Writing to a `String` can't fail.
            let _ = write!(text, "[{level}] ");
        }
        text.push_str(&printable(&spans[span].name));
        text.push('\n');
        rest.extend(children[span].as_ref().iter().rev().map(|child| (*child, level + 1)));
    }
    text
}

/// The height of the tree below a span, and its number among the trees of that height. Equal trees have equal ranks.
type Rank = (usize, usize);

/// Compares trees from the leaves up. A tree is its name and the sorted ranks of its children, so the trees of one height
/// can be numbered once all lower ones are (A. Aho, J. Hopcroft, J. Ullman, *The Design and Analysis of Computer
/// Algorithms*, 1974, section 3.2).
fn ranks(spans: &[SpanData], forest: &Forest) -> Vec<Rank> {
    let mut ranks: Vec<Rank> = vec![(0, 0); spans.len()];
    let mut levels: Vec<Vec<usize>> = Vec::new();
    for i in forest.top_down().into_iter().rev() {
        let height = forest.children(i).iter().map(|child| ranks[*child].0 + 1).max().unwrap_or(0);
        ranks[i].0 = height;
        if levels.len() <= height {
            levels.resize_with(height + 1, Vec::new);
        }
        levels[height].push(i);
    }
    for level in levels {
        let tree = |i: &usize| {
            let mut below: Vec<_> = forest.children(*i).iter().map(|c| (spans[*c].name.as_str(), ranks[*c])).collect();
            below.sort_unstable();
            (spans[*i].name.as_str(), below)
        };
        let trees: Vec<_> = level.iter().map(tree).collect();
        let mut distinct: Vec<_> = trees.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let number: HashMap<_, _> = distinct.into_iter().enumerate().map(|(n, tree)| (tree, n)).collect();
        let numbers: Vec<usize> = trees.iter().map(|tree| number.get(tree).copied().unwrap_or(0)).collect();
        level.iter().zip(numbers).for_each(|(i, n)| ranks[*i].1 = n);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture::{lane, span};

    fn s(id: u64, parent: u64, name: &str, start: u64) -> SpanData {
        span(id, parent, name, &lane(1), start, start + 1)
    }

    #[test]
    fn siblings_come_by_start_then_name() {
        let spans = [s(3, 1, "b", 2), s(2, 1, "c", 1), s(4, 1, "a", 2), s(5, 2, "d\n", 9), s(1, 0, "root", 0)];
        assert_eq!(names(&spans), "root\n  c\n    d\\n\n  a\n  b\n");
    }

    #[test]
    fn sorted_by_name_the_order_of_time_makes_no_difference() {
        let text = "root\n  job\n    a\n  job\n    a\n    c\n  job\n    b\n  job\n    b\n      x\n  last\n";
        for turn in 0..4 {
            let at = |i: u64| (i + turn * 3) % 7;
            let spans = [
                s(1, 0, "root", 0),
                s(2, 1, "job", at(1)),
                s(3, 1, "job", at(2)),
                s(4, 1, "job", at(3)),
                s(5, 1, "last", at(0)),
                s(6, 2, "b", at(1)),
                s(7, 6, "x", at(1)),
                s(8, 3, "c", at(5)),
                s(9, 3, "a", at(6)),
                s(10, 4, "a", at(1)),
                s(11, 1, "job", at(4)),
                s(12, 11, "b", at(1)),
            ];
            assert_eq!(names_sorted(&spans), text, "turn {turn}");
        }
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_spans_is_no_problem() {
        let deep: Vec<_> = (1..=100_000).map(|id| s(id, id - 1, "", id)).collect();
        let small = names(&deep[..3]);
        assert_eq!(small, "\n  \n    \n");
        let text = names(&deep);
        assert_eq!(text.lines().count(), 100_000);
        assert!(text.len() < 100_000 * (2 * MAX_INDENT + 10), "{} bytes", text.len());
        let indent = "  ".repeat(MAX_INDENT);
        assert!(text.contains(&format!("\n{indent}\n{indent}[101] \n{indent}[102] \n")));
        assert_eq!(ranks(&deep, &Forest::new(&deep))[0], (99_999, 0));
    }
}
