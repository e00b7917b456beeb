//! The strands of a lane: pieces of fan-outs that its thread is running, the innermost last.

/// How many are told apart. Deeper ones are only counted, and the spans in them take the fan-out of an outer one.
const MOST: usize = 256;

/// A lane's strands.
#[derive(Debug, Default)]
pub(in crate::collector) struct Strands {
    /// The parent of the spans in each, and its fan-out.
    stack: Vec<(u64, u64)>,
    /// How many more there are.
    beyond: usize,
}

impl Strands {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// The fan-out of a span that starts under this parent; zero if there is none.
    pub(super) fn fan_of(&self, parent: u64) -> u64 {
        self.stack.iter().rev().find(|(span, _)| *span == parent).map_or(0, |(_, fan)| *fan)
    }

    pub(super) fn begin(&mut self, parent: u64, fan: u64) {
        match self.stack.len() < MOST {
            true => self.stack.push((parent, fan)),
            false => self.beyond += 1,
        }
    }

    /// Ends the innermost strand like this. The others stay, in whichever order they end.
    pub(super) fn end(&mut self, parent: u64, fan: u64) {
        match self.stack.iter().rposition(|strand| *strand == (parent, fan)) {
            Some(at) if self.beyond == 0 => _ = self.stack.remove(at),
            _ => self.beyond = self.beyond.saturating_sub(1),
        }
    }

    /// The thread has ended: nothing ends its strands any more. Returns how many were left.
    pub(super) fn clear(&mut self) -> usize {
        let left = self.stack.len() + self.beyond;
        *self = Self::default();
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_strand_of_a_parent_counts() {
        let mut strands = Strands::default();
        strands.begin(1, 10);
        strands.begin(3, 30);
        strands.begin(1, 11);
        assert_eq!([1, 3, 5].map(|parent| strands.fan_of(parent)), [11, 30, 0]);
        strands.end(1, 11);
        assert_eq!([1, 3].map(|parent| strands.fan_of(parent)), [10, 30]);
        strands.end(1, 10);
        assert_eq!([1, 3].map(|parent| strands.fan_of(parent)), [0, 30], "ends in any order");
        strands.end(9, 9);
        assert_eq!(strands.clear(), 1);
        assert!(strands.is_empty());
    }

    #[test]
    fn any_depth_takes_a_bounded_memory_and_ends_again() {
        let mut strands = Strands::default();
        (0..1000).for_each(|fan| strands.begin(1, fan + 1));
        assert!(strands.stack.len() <= MOST && strands.fan_of(1) == 256);
        (0..1000).rev().for_each(|fan| strands.end(1, fan + 1));
        assert!(strands.is_empty());
        (0..1000).for_each(|fan| strands.begin(1, fan));
        assert_eq!(strands.clear(), 1000);
    }
}
