//! The open spans of the table that were started in a shard, the last one on top. It shows the collector which spans nest on a
//! lane.

/// Ids of spans, and their indices in the assembler's table. An End takes a span off, with everything above it: that has left
/// the lane. A span that ended in another way (on another thread, or without having occupied the lane) is removed when it is
/// met, and at the latest when the memory would have to grow.
#[derive(Debug, Default)]
pub(super) struct Stack(Vec<(u64, u32)>);

impl Stack {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The index of this span, if the span is on top.
    #[inline]
    pub(super) fn top(&self, span: u64) -> Option<u32> {
        self.0.last().filter(|(top, _)| *top == span).map(|(_, index)| *index)
    }

    /// The index of this span, if it is among the uppermost `depth`.
    pub(super) fn near(&self, span: u64, depth: usize) -> Option<u32> {
        self.0.iter().rev().take(depth).find(|(near, _)| *near == span).map(|(_, index)| *index)
    }

    /// Takes the uppermost span off.
    pub(super) fn pop(&mut self) -> Option<(u64, u32)> {
        self.0.pop()
    }

    /// Pushes a span. `is_open` returns whether the span with an id and an index is still open.
    #[inline]
    pub(super) fn push(&mut self, span: u64, index: u32, is_open: impl Fn(u64, u32) -> bool) {
        if self.0.len() == self.0.capacity() {
            self.forget(is_open);
        }
        self.0.push((span, index));
    }

    /// Removes ended spans anywhere in the stack: if all spans of a thread end on other threads, none of them is on top
    /// when it ends.
    #[cold]
    fn forget(&mut self, is_open: impl Fn(u64, u32) -> bool) {
        self.0.retain(|(span, index)| is_open(*span, *index));
        // Reserves room for as many again, so that this is rare for any number of open spans.
        self.0.reserve(self.0.len().max(8));
    }

    /// The index of the innermost span that is open.
    pub(super) fn last(&self, is_open: impl Fn(u64, u32) -> bool) -> Option<u32> {
        self.0.iter().rev().find(|(span, index)| is_open(*span, *index)).map(|(_, index)| *index)
    }

    /// Removes ended spans from the top.
    pub(super) fn trim(&mut self, is_open: impl Fn(u64, u32) -> bool) {
        while self.0.last().is_some_and(|(span, index)| !is_open(*span, *index)) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_ended_on_other_threads_do_not_pile_up() {
        let mut stack = Stack::default();
        for span in 1..=100_000 {
            // A pipeline: another span is always open.
            stack.push(span, 0, |open, _| open + 3 >= span);
        }
        assert!(stack.0.capacity() < 64, "{}", stack.0.capacity());
        assert_eq!(stack.top(100_000), Some(0));
    }

    #[test]
    fn open_spans_stay_in_their_order() {
        let mut stack = Stack::default();
        for span in 1..=1_000 {
            stack.push(span, span as u32, |open, _| open % 2 == 0);
        }
        stack.trim(|open, _| open % 2 == 0);
        for span in (1..=1_000).rev().filter(|span| span % 2 == 0) {
            stack.trim(|open, _| open % 2 == 0);
            assert_eq!(stack.pop(), Some((span, span as u32)));
        }
        assert_eq!(stack.pop(), None);
    }
}
