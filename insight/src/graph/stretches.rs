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
    rows: Blocks<Stretch>,
    /// Of the first rows, in a run with samples: nanoseconds on a CPU and off it.
    cpu: Blocks<(u64, u64)>,
}

impl Stretches {
    pub(super) fn push(&mut self, stretch: Stretch) {
        self.rows.push(stretch);
    }

    /// Adds the CPU time of the first row that has none yet.
    pub(super) fn push_cpu(&mut self, on: u64, off: u64) {
        self.cpu.push((on, off));
    }

    /// Whether the run has samples of CPU time.
    pub(super) fn are_sampled(&self) -> bool {
        !self.cpu.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stretch> + Clone {
        self.rows.0.iter().flatten()
    }

    /// From this one on.
    pub(super) fn starting_at(&self, first: usize) -> impl Iterator<Item = &Stretch> {
        self.rows.0[first / BLOCK..].iter().flatten().skip(first % BLOCK)
    }

    pub(super) fn get(&self, ix: u32) -> &Stretch {
        &self.rows.0[ix as usize / BLOCK][ix as usize % BLOCK]
    }

    /// Nanoseconds on a CPU and off it. Without samples, work is all on a CPU.
    pub(super) fn cpu(&self, ix: u32) -> (u64, u64) {
        let sampled = self.cpu.0.get(ix as usize / BLOCK).and_then(|block| block.get(ix as usize % BLOCK));
        let stretch = self.get(ix);
        match (sampled, stretch.is) {
            (Some(cpu), _) => *cpu,
            (None, Is::Work) => (stretch.length(), 0),
            (None, Is::Wait | Is::Latency) => (0, stretch.length()),
        }
    }

    /// The last job of each block, and the block, by job.
    pub(super) fn last_jobs(&self) -> Vec<(u32, usize)> {
        let last = |block: &Vec<Stretch>| block.iter().map(|stretch| stretch.job).max().unwrap_or_default();
        let mut last: Vec<_> = self.rows.0.iter().map(last).zip(0..).collect();
        last.sort_unstable();
        last
    }

    /// Frees a block. Its rows aren't asked for any more.
    pub(super) fn free(&mut self, block: usize) {
        self.rows.0[block] = Vec::new();
        if let Some(cpu) = self.cpu.0.get_mut(block) {
            *cpu = Vec::new();
        }
    }
}

/// A table in blocks.
struct Blocks<T>(Vec<Vec<T>>);

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Blocks<T> {
    fn push(&mut self, row: T) {
        match self.0.last_mut().filter(|last| last.len() < BLOCK) {
            Some(last) => last.push(row),
            None => self.0.push(vec![row]),
        }
    }

    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * BLOCK + last.len())
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
