//! The spans of a parallel program, generated from a seed, for the exporters' tests.

use super::fixture::{lane_of, span};
use super::{Lane, SpanData};
use crate::Status;
use std::sync::Arc;

/// Spans in the order of their ends, and the number of arrows in a drawing of them: between threads, and from marks.
pub(crate) struct Workload {
    pub(crate) spans: Vec<SpanData>,
    pub(crate) arrows: usize,
    pub(crate) marks: std::ops::RangeInclusive<usize>,
}

/// A root on the main thread that waits for a pool of three threads and two worker processes: jobs that fork further
/// jobs, nested spans, spans that overlap, background jobs that start after their parents, links.
///
/// The clock ticks every `tick_ns`. With a coarse clock many spans start at the same time and some have no length, as on
/// machines with a slow counter.
pub(crate) fn workload(seed: u64, tick_ns: u64) -> Workload {
    let mut main = Thread::new(lane_of(100, 100, "main"), 1, seed, tick_ns);
    let mut threads: Vec<_> =
        (0..3).map(|i| Thread::new(lane_of(100, 101 + i, &format!("pool-{i}")), 2 + i, seed, tick_ns)).collect();
    threads.push(Thread::new(lane_of(200, 200, "worker \"a\""), 5, seed, tick_ns));
    threads.push(Thread::new(lane_of(201, 201, ""), 6, seed, tick_ns));
    let root = main.new_id();
    let root_start_ns = main.now_ns();
    let forking = main.new_id();
    let forking_start_ns = main.now_ns(); // with a coarse clock it begins together with the root
    for job in 0..150 {
        let count = threads.len();
        let thread = &mut threads[job % count];
        thread.job(if job % 2 == 0 { root } else { forking }, main.clock_ns);
    }
    main.clock_ns += 1000;
    let forking_end_ns = main.now_ns();
    main.end(forking, root, "fork", forking_start_ns, forking_end_ns);
    main.clock_ns = threads.iter().map(|t| t.clock_ns).fold(main.clock_ns, u64::max) + 1000;
    let root_end_ns = main.now_ns();
    main.end(root, 0, "root", root_start_ns, root_end_ns);
    for thread in &mut threads {
        thread.clock_ns = root_end_ns + 1000;
        thread.job(root, root_end_ns); // a background job that outlives it
    }
    main.clock_ns += 5000;
    main.job(root, root_end_ns);
    let mut spans = main.spans;
    threads.into_iter().for_each(|thread| spans.extend(thread.spans));
    spans.sort_by_key(|span| span.end_ns); // stable: on each lane children stay before their parents
    let (arrows, marks) = (count_arrows(&spans), count_marks(&spans));
    Workload { spans, arrows, marks }
}

struct Thread {
    lane: Arc<Lane>,
    spans: Vec<SpanData>,
    clock_ns: u64,
    tick_ns: u64,
    random: u64,
    ids: u64,
}

impl Thread {
    fn new(lane: Arc<Lane>, number: u64, seed: u64, tick_ns: u64) -> Self {
        let random = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // Times that start a minute or more after 1970 are exact in the file, and easy to read.
        Self { lane, spans: Vec::new(), clock_ns: 100_000_000_000, tick_ns, random, ids: number << 32 }
    }

    /// Xorshift64 (Marsaglia 2003, <https://doi.org/10.18637/jss.v008.i14>).
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn new_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Reads the clock, which takes between 9 and 19 ns.
    fn now_ns(&mut self) -> u64 {
        self.clock_ns += 9 + self.random(10);
        self.clock_ns / self.tick_ns * self.tick_ns
    }

    fn end(&mut self, id: u64, parent: u64, name: &str, start_ns: u64, end_ns: u64) -> &mut SpanData {
        self.spans.push(span(id, parent, name, &self.lane, start_ns, end_ns));
        let last = self.spans.len() - 1;
        &mut self.spans[last]
    }

    /// A job started from a span that another thread opened before `after_ns`.
    fn job(&mut self, parent: u64, after_ns: u64) {
        // Leaves a gap before each job, so that spans that start at the same time can be drawn apart.
        self.clock_ns = self.clock_ns.max(after_ns) + 2 * self.tick_ns + self.random(500);
        let id = self.nested(parent, "job", 3);
        let last = self.spans.len() - 1;
        let job = &mut self.spans[last];
        if id % 3 == 0 {
            job.status = Status::Error("failed".into());
        }
        if id % 2 == 0 {
            job.links.push((job.trace_id, crate::SpanId::from_u64((1 << 32) + 2), Vec::new()));
        }
    }

    fn nested(&mut self, parent: u64, name: &str, depth: u64) -> u64 {
        let (id, start_ns) = (self.new_id(), self.now_ns());
        for _ in 0..self.random(4).min(depth) {
            if self.random(5) == 0 {
                self.overlapping(id);
            }
            self.nested(id, ["decode", "resize", "encode"][self.ids as usize % 3], depth - 1);
            self.clock_ns += 2 * self.tick_ns;
        }
        let end_ns = self.now_ns();
        self.end(id, parent, name, start_ns, end_ns);
        id
    }

    /// A span that crosses the others on its lane.
    fn overlapping(&mut self, parent: u64) {
        let (id, start_ns) = (self.new_id(), self.now_ns());
        let length_ns = 50 + self.random(300);
        self.end(id, parent, "overlapping", start_ns, start_ns + length_ns).nested = false;
    }
}

/// Counts the arrows between threads, from all pairs of a span and its parent, and of a span and a linked span.
fn count_arrows(spans: &[SpanData]) -> usize {
    let find = |id| spans.iter().find(|span| span.span_id == id && span.nested);
    let to_child = |child: &&SpanData| {
        let parent = child.parent_span_id.and_then(find);
        parent.is_some_and(|parent| parent.lane != child.lane || child.start_ns > parent.end_ns)
    };
    let nested = || spans.iter().filter(|span| span.nested);
    let links = nested().flat_map(|span| &span.links).filter(|link| find(link.1).is_some());
    nested().filter(to_child).count() + links.count()
}

/// The least and the greatest number of arrows from marks: each span that doesn't nest has one. If it started together
/// with its parent, it has one only if the parent is drawn earlier.
fn count_marks(spans: &[SpanData]) -> std::ops::RangeInclusive<usize> {
    let asynchronous: Vec<_> = spans.iter().filter(|span| !span.nested).collect();
    let started_later = |child: &&&SpanData| {
        let parent = spans.iter().find(|span| Some(span.span_id) == child.parent_span_id);
        parent.is_some_and(|parent| parent.start_ns < child.start_ns)
    };
    asynchronous.iter().filter(started_later).count()..=asynchronous.len()
}
