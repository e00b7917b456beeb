//! [`Stretches`]: a table that is freed bit by bit, while nodes are made of its rows.

use crate::model::{LaneIx, SpanIx};

/// Rows of a block. Blocks of this size are given back to the system at once when they are freed.
const BLOCK: usize = if cfg!(test) { 4 } else { 1 << 20 };

/// What a stretch of a lane's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// Work of a span.
    Work,
    /// A wait, which may have to be kept as a delay.
    Wait,
    /// Time of a span that is on no lane.
    Latency,
}

/// A stretch of a lane in which one interval is innermost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) is: Is,
    /// Whether it is the first one of a poll that isn't inside another.
    pub(super) fresh_poll: bool,
    pub(super) job: u32,
    pub(super) span: SpanIx,
    pub(super) lane: LaneIx,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Stretch {
    pub(super) fn length(&self) -> u64 {
        self.end - self.start
    }
}

/// The stretches of all lanes.
#[derive(Default)]
pub(super) struct Stretches {
    blocks: Vec<Vec<Stretch>>,
}

impl Stretches {
    pub(super) fn push(&mut self, stretch: Stretch) {
        match self.blocks.last_mut().filter(|last| last.len() < BLOCK) {
            Some(last) => last.push(stretch),
            None => self.blocks.push(vec![stretch]),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stretch> + Clone {
        self.blocks.iter().flatten()
    }

    /// From this one on.
    pub(super) fn starting_at(&self, first: usize) -> impl Iterator<Item = &Stretch> {
        self.blocks[first / BLOCK..].iter().flatten().skip(first % BLOCK)
    }

    pub(super) fn get(&self, ix: u32) -> &Stretch {
        &self.blocks[ix as usize / BLOCK][ix as usize % BLOCK]
    }

    /// The last job of each block, and the block, by job.
    pub(super) fn last_jobs(&self) -> Vec<(u32, usize)> {
        let last = |block: &Vec<Stretch>| block.iter().map(|stretch| stretch.job).max().unwrap_or_default();
        let mut last: Vec<_> = self.blocks.iter().map(last).zip(0..).collect();
        last.sort_unstable();
        last
    }

    /// Frees a block. Its rows aren't asked for any more.
    pub(super) fn free(&mut self, block: usize) {
        self.blocks[block] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::BLOCK;
    use crate::graph::Graph;
    use crate::testing::Kit;

    #[test]
    fn nodes_of_many_blocks_have_all_time_in_order() {
        let mut kit = Kit::new();
        let lanes = [kit.lane("one"), kit.lane("two"), kit.lane("three")];
        for lane in lanes {
            let root = kit.span(lane, "run", None, 0..100);
            (0..9).for_each(|at| _ = kit.span(lane, "step", Some(root), at * 10 + 1..at * 10 + 8));
        }
        let graph = Graph::new(&kit.run());
        assert!(graph.nodes.len() > 10 * BLOCK);
        assert_eq!(graph.work(), 3 * 100);
        for job in &graph.jobs {
            let nodes = &graph.nodes[job.nodes.start as usize..job.nodes.end as usize];
            assert_eq!(nodes.iter().map(|node| node.length()).sum::<u64>(), 100);
            assert!(nodes.windows(2).all(|two| two[0].start + two[0].length() == two[1].start));
        }
    }
}
