//! [`Strip`]: what a lane did over time, in few parts.

use std::ops::Range;

/// Into how many parts a run is divided at most: more than a line of text has columns for them.
const PARTS: u64 = 128;

/// What a lane does that isn't idle: an index into the figures of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Working,
    Lock,
    Join,
    Queue,
}

/// Sums up the time of a lane in each part of the run, from its start to its end.
#[derive(Debug)]
pub(super) struct Strip {
    window: Range<u64>,
    /// The number of parts.
    all: u64,
    /// The parts that are over, in percent of their length.
    parts: Vec<[u8; 4]>,
    /// The part that isn't over: when it began, when it will end, and the nanoseconds of each kind.
    start: u64,
    end: u64,
    sums: [u64; 4],
}

impl Strip {
    pub(super) fn of(window: &Range<u64>) -> Self {
        let all = PARTS.min(window.end - window.start).max(1);
        let mut strip =
            Self { window: window.clone(), all, parts: Vec::new(), start: window.start, end: 0, sums: [0; 4] };
        strip.end = strip.end_of(0);
        strip
    }

    /// Adds the stretch that follows the one before; the first one begins with the run. `None` is idle time.
    pub(super) fn add(&mut self, kind: Option<Kind>, time: Range<u64>) {
        let mut from = time.start;
        while from < time.end {
            let to = time.end.min(self.end);
            if let Some(kind) = kind {
                self.sums[kind as usize] += to - from;
            }
            from = to;
            if to == self.end {
                self.close();
            }
        }
    }

    /// For each part, how much of it was of each kind.
    pub(super) fn finish(self) -> Vec<[u8; 4]> {
        self.parts
    }

    fn close(&mut self) {
        let length = self.end - self.start;
        self.parts.push(self.sums.map(|ns| (u128::from(ns) * 100 / u128::from(length)) as u8));
        (self.start, self.sums) = (self.end, [0; 4]);
        self.end = self.end_of(self.parts.len() as u64);
    }

    /// When a part ends. Parts differ by a nanosecond at most.
    fn end_of(&self, part: u64) -> u64 {
        let wall = u128::from(self.window.end - self.window.start);
        self.window.start + (u128::from(part + 1) * wall / u128::from(self.all)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_the_time_of_each_kind_in_percent_of_its_length() {
        let mut strip = Strip::of(&(1_000..1_000 + 2 * PARTS));
        strip.add(None, 1_000..1_001);
        strip.add(Some(Kind::Working), 1_001..1_004);
        strip.add(Some(Kind::Lock), 1_004..1_005);
        strip.add(Some(Kind::Queue), 1_005..1_006);
        strip.add(Some(Kind::Join), 1_006..1_000 + 2 * PARTS);
        let parts = strip.finish();
        assert_eq!(parts.len() as u64, PARTS);
        assert_eq!(parts[..4], [[50, 0, 0, 0], [100, 0, 0, 0], [0, 50, 0, 50], [0, 0, 100, 0]]);
        assert!(parts[4..].iter().all(|part| *part == [0, 0, 100, 0]));
    }

    #[test]
    fn a_run_of_a_few_nanoseconds_has_a_part_for_each() {
        let mut strip = Strip::of(&(0..3));
        strip.add(Some(Kind::Working), 0..2);
        strip.add(None, 2..3);
        assert_eq!(strip.finish(), [[100, 0, 0, 0], [100, 0, 0, 0], [0; 4]]);
        assert_eq!(Strip::of(&(5..5)).finish(), [[0; 4]; 0]);
    }
}
