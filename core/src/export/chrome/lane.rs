//! The positions of slices on the thread tracks, such that a viewer nests them like the spans.
//!
//! Viewers nest the slices of a thread by their times alone, and bind an arrow to the slice that started last. Some
//! clocks tick only every 41 ns. Two spans with the same start would then get arrows on the wrong slice, and a slice of
//! no length at its parent's end would be outside of the parent. So a slice that starts together with its first child is
//! drawn one nanosecond earlier, and one of no length is drawn one nanosecond long, if the slice before leaves room.
//! Nothing else is moved.
//!
//! A lane's nested spans arrive in the order of their ends, children first. It is enough to remember those that are not
//! enclosed by a later one yet. A span that arrives after a span that encloses it is drawn unchanged.

use super::super::Lane;
use crate::SpanId;
use std::collections::HashMap;
use std::sync::Arc;

/// How many finished slices a lane remembers: enough for the siblings before a parent's end that matter (its first child
/// and the slice before it) in all but the widest fan-outs on one thread. In those, slices nest correctly but may share
/// starts.
const MAX_FINISHED: usize = 512;

/// How many lanes are remembered: several times the threads of a large program. With more, all are forgotten, and their
/// names are written again when they recur.
const MAX_LANES: usize = 1024;

/// The times at which a slice is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drawn {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

/// A finished slice that is not enclosed by another yet.
#[derive(Debug)]
struct Finished {
    parent: Option<SpanId>,
    start_ns: u64,
    drawn: Drawn,
}

/// One thread track.
#[derive(Debug)]
struct Track {
    thread_name: Arc<str>,
    finished: Vec<Finished>,
    /// Upper bound of the ends of the slices that were forgotten.
    floor_ns: u64,
}

/// The thread tracks of all processes.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    tracks: HashMap<(u32, u64), Track>,
    /// The same for all tracks.
    floor_ns: u64,
    max_end_ns: u64,
}

/// What the file must still say about a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum News {
    Nothing,
    ThreadName,
}

impl Tracks {
    /// Makes sure that the lane is known, and returns whether its thread's name must be written.
    pub(super) fn visit(&mut self, lane: &Lane) -> News {
        let key = (lane.process_id, lane.thread_id);
        if let Some(track) = self.tracks.get_mut(&key) {
            if track.thread_name == lane.thread_name {
                return News::Nothing;
            }
            track.thread_name = Arc::clone(&lane.thread_name);
            return News::ThreadName;
        }
        if self.tracks.len() >= MAX_LANES {
            self.forget();
        }
        let track = Track { thread_name: Arc::clone(&lane.thread_name), finished: Vec::new(), floor_ns: self.floor_ns };
        self.tracks.insert(key, track);
        News::ThreadName
    }

    /// Forgets all lanes, and what was written about them.
    pub(super) fn forget(&mut self) {
        self.tracks.clear();
        self.floor_ns = self.max_end_ns;
    }

    /// The drawn times of a nested span of a lane that was visited.
    pub(super) fn place(
        &mut self,
        lane: &Lane,
        span: SpanId,
        parent: Option<SpanId>,
        start_ns: u64,
        end_ns: u64,
    ) -> Drawn {
        self.max_end_ns = self.max_end_ns.max(end_ns);
        match self.tracks.get_mut(&(lane.process_id, lane.thread_id)) {
            Some(track) => track.place(span, parent, start_ns, end_ns),
            None => Drawn { start_ns, end_ns },
        }
    }
}

impl Track {
    fn place(&mut self, span: SpanId, parent: Option<SpanId>, start_ns: u64, end_ns: u64) -> Drawn {
        let mut first_inside = None;
        while let Some(last) = self.finished.last() {
            if last.drawn.end_ns > end_ns {
                return Drawn { start_ns, end_ns }; // late
            }
            if !last.is_inside(span, start_ns) {
                break;
            }
            first_inside = Some(last.drawn.start_ns);
            self.finished.pop();
        }
        let latest = first_inside.map_or(start_ns, |first| first.min(start_ns));
        let wanted = match first_inside {
            Some(first) if first <= start_ns => first.saturating_sub(1),
            _ if start_ns == end_ns => start_ns.saturating_sub(1),
            _ => start_ns,
        };
        let floor_ns = self.finished.last().map_or(self.floor_ns, |before| before.drawn.end_ns);
        let drawn = Drawn { start_ns: wanted.max(floor_ns).min(latest), end_ns };
        self.remember(Finished { parent, start_ns, drawn });
        drawn
    }

    fn remember(&mut self, finished: Finished) {
        if self.finished.len() >= MAX_FINISHED {
            let forgotten = self.finished.drain(..MAX_FINISHED / 2);
            self.floor_ns = forgotten.map(|f| f.drawn.end_ns).fold(self.floor_ns, u64::max);
        }
        self.finished.push(finished);
    }
}

impl Finished {
    /// Whether it ran inside the span, which ended later and started at `start_ns`. If both started together and one has
    /// no length, that one is inside only if the span is its parent.
    fn is_inside(&self, span: SpanId, start_ns: u64) -> bool {
        let together = self.start_ns == start_ns;
        self.start_ns > start_ns || together && (self.drawn.end_ns > start_ns || self.parent == Some(span))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::{lane, lane_of};
    use super::*;

    /// Places spans of one lane in the order given, (id, parent, start, end), and returns their drawn starts.
    fn starts(spans: &[(u64, u64, u64, u64)]) -> Vec<u64> {
        let (mut tracks, lane) = (Tracks::default(), lane(1));
        tracks.visit(&lane);
        let place = |&(id, parent, start, end): &(u64, u64, u64, u64)| {
            let drawn = tracks.place(&lane, SpanId::from_u64(id), Some(SpanId::from_u64(parent)), start, end);
            assert_eq!(drawn.end_ns, end);
            drawn.start_ns
        };
        spans.iter().map(place).collect()
    }

    #[test]
    fn spans_that_began_apart_are_drawn_as_they_were() {
        assert_eq!(starts(&[(3, 2, 12, 13), (2, 1, 11, 14), (4, 1, 14, 15), (1, 0, 10, 20)]), [12, 11, 14, 10]);
    }

    #[test]
    fn a_parent_that_began_with_its_first_child_is_drawn_earlier() {
        assert_eq!(starts(&[(3, 2, 10, 11), (2, 1, 10, 12), (1, 0, 10, 20)]), [10, 9, 8]);
        assert_eq!(starts(&[(9, 0, 1, 10), (3, 2, 10, 11), (2, 1, 10, 12)]), [1, 10, 10], "there is no room");
        assert_eq!(starts(&[(9, 0, 1, 9), (3, 2, 10, 11), (2, 1, 10, 12), (1, 0, 10, 20)]), [1, 10, 9, 9]);
    }

    #[test]
    fn a_span_of_no_length_gets_one_inside_its_parent() {
        assert_eq!(starts(&[(2, 1, 20, 20), (1, 0, 10, 20)]), [19, 10], "at the end");
        assert_eq!(starts(&[(2, 1, 10, 10), (1, 0, 10, 20)]), [9, 8], "at the start");
        assert_eq!(starts(&[(2, 0, 10, 10), (3, 0, 10, 20)]), [9, 10], "a sibling before");
        assert_eq!(starts(&[(2, 0, 5, 10), (3, 0, 10, 10)]), [5, 10], "there is no room");
        assert_eq!(starts(&[(1, 0, 0, 0)]), [0]);
    }

    #[test]
    fn slices_never_cross_even_where_there_is_no_room() {
        // 4 fills the time up to 10. 2 started with its child 3 and is drawn as early as possible. 1 must not start later.
        assert_eq!(starts(&[(4, 0, 5, 10), (3, 2, 11, 12), (2, 1, 11, 15), (1, 0, 11, 20)]), [5, 11, 10, 10]);
    }

    #[test]
    fn a_span_that_arrives_after_its_parent_is_drawn_as_it_was() {
        assert_eq!(starts(&[(1, 0, 10, 20), (2, 1, 10, 12), (3, 0, 20, 30)]), [10, 10, 20]);
    }

    #[test]
    fn memory_is_bounded_and_what_was_forgotten_is_not_drawn_over() {
        let many: Vec<_> = (0..5000).map(|i| (i + 10, 1, 10 * i, 10 * i + 5)).collect();
        let (mut tracks, lane) = (Tracks::default(), lane(1));
        tracks.visit(&lane);
        for &(id, _, start, end) in &many {
            tracks.place(&lane, SpanId::from_u64(id), None, start, end);
        }
        let finished = |tracks: &Tracks| tracks.tracks.values().map(|t| t.finished.len()).sum::<usize>();
        assert!(finished(&tracks) <= MAX_FINISHED);
        for thread in 0..2 * MAX_LANES as u64 {
            assert_eq!(tracks.visit(&lane_of(1, thread, "t")), News::ThreadName);
        }
        assert!(tracks.tracks.len() <= MAX_LANES);
        assert_eq!(tracks.visit(&lane), News::ThreadName);
        let drawn = tracks.place(&lane, SpanId::from_u64(1), None, 49_995, 49_995);
        assert_eq!(drawn.start_ns, 49_995, "the last slice ended at 49,995");
    }

    #[test]
    fn a_name_is_news_once() {
        let mut tracks = Tracks::default();
        assert_eq!(tracks.visit(&lane_of(1, 1, "a")), News::ThreadName);
        assert_eq!(tracks.visit(&lane_of(1, 1, "a")), News::Nothing);
        assert_eq!(tracks.visit(&lane_of(1, 1, "b")), News::ThreadName);
        assert_eq!(tracks.visit(&lane_of(2, 1, "b")), News::ThreadName);
    }
}
