//! [`Kit`]: runs written by hand, for tests with known answers.
//!
//! ```
//! use heirloom_insight::model::FanKind;
//! use heirloom_insight::testing::Kit;
//!
//! let mut kit = Kit::new();
//! let main = kit.lane("main");
//! let pool = kit.pool("rayon", 2);
//! let root = kit.span(main, "run", None, 0..100);
//! let fan = kit.fan(FanKind::Iterator, Some(root), main, 10, Some(60));
//! kit.fan_mut(fan).blocks = true;
//! kit.item(fan, pool[0], "page", 10..60);
//! kit.item(fan, pool[1], "page", 10..40);
//! let run = kit.run();
//! assert_eq!((run.spans.len(), run.window), (3, 0..100));
//! ```

use crate::model::{
    Fan, FanIx, FanKind, Hold, Lane, LaneIx, Load, Lock, LockIx, LockKind, NameIx, Poll, PoolPlace, Process, Run,
    Sample, Span, SpanIx, Stage, StageKind, Strand, TraceIx, Wait, WaitCause,
};
use crate::read::order;
use heirloom_core::{SpanId, TraceId};
use std::ops::Range;
use std::sync::Arc;

/// Builds a [`Run`], with one process to start with. Times are nanoseconds. What a method returns stays valid until
/// [`run`](Self::run), which sorts the tables.
#[derive(Clone, Debug)]
pub struct Kit {
    run: Run,
    process: u32,
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl Kit {
    /// A run of one process, with the number 1, without spans.
    pub fn new() -> Self {
        let traces = vec![TraceId::from_u128(1)];
        let mut kit = Self { run: Run { program: "test".to_owned(), traces, ..Run::default() }, process: 0 };
        kit.process(1, "test");
        kit
    }

    /// A process. Lanes that are added from now on belong to it.
    pub fn process(&mut self, pid: u32, name: &str) -> u32 {
        self.run.processes.push(Process { pid, name: name.into() });
        self.process = self.run.processes.len() as u32 - 1;
        self.process
    }

    /// How many CPUs the program may use.
    pub fn cpus(&mut self, cpus: f64) -> &mut Self {
        self.run.machine.cpus = Some(cpus);
        self
    }

    /// How many physical cores those CPUs are.
    pub fn cores(&mut self, cores: u32) -> &mut Self {
        self.run.machine.cores = Some(cores);
        self
    }

    /// A thread outside of pools.
    pub fn lane(&mut self, name: &str) -> LaneIx {
        let lane = self.run.lanes.len() as LaneIx;
        self.run.lanes.push(Lane {
            process: self.process,
            thread_id: u64::from(lane) + 1,
            thread_name: name.into(),
            pool: None,
        });
        lane
    }

    /// The threads of a pool.
    pub fn pool(&mut self, name: &str, size: u32) -> Vec<LaneIx> {
        let pool = self.run.lanes.len() as u64 + 1;
        let name: Arc<str> = name.into();
        let member = |index| {
            let lane = self.lane(&format!("{name}-{index}"));
            self.run.lanes[lane as usize].pool = Some(PoolPlace { pool, name: Arc::clone(&name), index, size });
            lane
        };
        (0..size).map(member).collect()
    }

    /// A thread of a pool of worker processes, which has others in other processes.
    pub fn worker(&mut self, pool: u64, name: &str, index: u32, size: u32) -> LaneIx {
        let lane = self.lane("main");
        self.run.lanes[lane as usize].pool = Some(PoolPlace { pool, name: name.into(), index, size });
        lane
    }

    /// The index of a name.
    pub fn name(&mut self, name: &str) -> NameIx {
        if let Some(known) = self.run.names.iter().position(|known| **known == *name) {
            return known as NameIx;
        }
        self.run.names.push(name.into());
        self.run.names.len() as NameIx - 1
    }

    /// A nested span of trace 1. Its id is one more than its index.
    pub fn span(&mut self, lane: LaneIx, name: &str, parent: Option<SpanIx>, time: Range<u64>) -> SpanIx {
        let name = self.name(name);
        let index = self.run.spans.len() as SpanIx;
        let mut span = Span::new(SpanId::from_u64(u64::from(index) + 1), name, lane, time);
        span.set_parent(parent);
        self.run.spans.push(span);
        index
    }

    /// A span, to change it.
    pub fn span_mut(&mut self, span: SpanIx) -> &mut Span {
        &mut self.run.spans[span as usize]
    }

    /// Moves a span into another trace.
    pub fn trace(&mut self, span: SpanIx, trace: u128) {
        let trace = TraceId::from_u128(trace);
        let known = self.run.traces.iter().position(|known| *known == trace);
        self.run.spans[span as usize].trace = known.unwrap_or(self.run.traces.len()) as TraceIx;
        if known.is_none() {
            self.run.traces.push(trace);
        }
    }

    /// A span becomes a leaf that covers so many items. Once for each span.
    pub fn items(&mut self, span: SpanIx, items: u64) {
        self.run.items.push((span, items));
    }

    /// A span that is polled at these times on these lanes. Its start is that of the first poll, its end that of the last.
    pub fn polled(&mut self, name: &str, parent: Option<SpanIx>, polls: &[(LaneIx, Range<u64>)]) -> SpanIx {
        let lane = polls.first().map_or(0, |poll| poll.0);
        let start = polls.iter().map(|poll| poll.1.start).min().unwrap_or_default();
        let end = polls.iter().map(|poll| poll.1.end).max().unwrap_or_default();
        let span = self.span(lane, name, parent, start..end);
        (self.span_mut(span).nested, self.span_mut(span).polled) = (false, true);
        for (lane, time) in polls {
            self.run.polls.push(Poll { span, lane: *lane, start: time.start, end: time.end });
        }
        span
    }

    /// A fan-out that doesn't block its thread.
    pub fn fan(&mut self, kind: FanKind, parent: Option<SpanIx>, lane: LaneIx, begin: u64, join: Option<u64>) -> FanIx {
        let index = self.run.fans.len() as FanIx;
        let id = u64::from(index) + 1;
        self.run.fans.push(Fan {
            id,
            kind,
            within: None,
            parent,
            lane,
            begin,
            join,
            blocks: false,
            children: Vec::new(),
        });
        index
    }

    /// A fan-out, to change it.
    pub fn fan_mut(&mut self, fan: FanIx) -> &mut Fan {
        &mut self.run.fans[fan as usize]
    }

    /// A nested span of a fan-out. Its parent is that of the fan-out.
    pub fn item(&mut self, fan: FanIx, lane: LaneIx, name: &str, time: Range<u64>) -> SpanIx {
        let span = self.span(lane, name, self.run.fans[fan as usize].parent, time);
        self.run.spans[span as usize].set_fan(Some(fan));
        self.run.fans[fan as usize].children.push(span);
        span
    }

    /// A stolen piece of a fan-out that has no span.
    pub fn strand(&mut self, fan: FanIx, lane: LaneIx, time: Range<u64>) {
        self.run.strands.push(Strand { fan, lane, start: time.start, end: time.end });
    }

    /// A wait without a lock. The lane is that of the span, if there is one.
    pub fn wait(&mut self, cause: WaitCause, lane: LaneIx, span: Option<SpanIx>, time: Range<u64>) -> &mut Wait {
        let last = self.run.waits.len();
        let (lock, holder, releaser) = (None, None, None);
        self.run.waits.push(Wait { lane, span, start: time.start, end: time.end, cause, lock, holder, releaser });
        &mut self.run.waits[last]
    }

    /// A lock or a channel.
    pub fn lock(&mut self, kind: LockKind, name: &str) -> LockIx {
        let (acquisitions, short_waits, short_wait_ns, hand_offs) = (0, 0, 0, 0);
        self.run.locks.push(Lock { name: name.into(), kind, acquisitions, short_waits, short_wait_ns, hand_offs });
        self.run.locks.len() as LockIx - 1
    }

    /// A lock, to change it.
    pub fn lock_mut(&mut self, lock: LockIx) -> &mut Lock {
        &mut self.run.locks[lock as usize]
    }

    /// A time at which a span holds a lock that others wait for.
    pub fn hold(&mut self, lock: LockIx, span: SpanIx, time: Range<u64>) {
        let lane = self.run.spans[span as usize].lane;
        self.run.holds.push(Hold { lock, lane, span: Some(span), start: time.start, end: time.end, contended: true });
    }

    /// Something that happened to the job of a span.
    pub fn stage(&mut self, span: SpanIx, kind: StageKind, lane: LaneIx, at: u64) {
        self.run.stages.push(Stage { span, kind, lane, at, by: None });
    }

    /// A span becomes a background job that another span submitted.
    pub fn background(&mut self, span: SpanIx, by: SpanIx, at: u64) {
        let lane = self.run.spans[span as usize].lane;
        self.run.stages.push(Stage { span, kind: StageKind::Submitted, lane, at, by: Some(by) });
    }

    /// CPU time and run-queue wait of a lane in an interval.
    pub fn sample(&mut self, lane: LaneIx, time: Range<u64>, cpu_ns: u64, queue_ns: u64) {
        self.run.samples.push(Sample { lane, start: time.start, end: time.end, cpu_ns, queue_ns });
    }

    /// The load of the machine in an interval, as the first process saw it.
    pub fn load(&mut self, time: Range<u64>, cpu_ns: u64, others_ns: u64) -> &mut Load {
        let last = self.run.loads.len();
        self.run.loads.push(Load { start: time.start, end: time.end, cpu_ns, others_ns, ..Load::default() });
        &mut self.run.loads[last]
    }

    /// The run, with its tables sorted. Its window goes from the first start to the last end of a span.
    pub fn run(self) -> Run {
        let mut run = self.run;
        order(&mut run);
        run
    }
}
