//! The state that a tracer's threads share: recording threads on their slow path, the collector, threads that flush.

use super::barrier::Barrier;
use super::complete::Complete;
use super::control::{Control, Request};
use super::counts::Published;
use super::ledger::{ExporterLedger, Ledger, Transparent};
use super::queue::Queue;
use super::waiting::Waiting;
use super::wake::Wake;
use crate::clock::Clock;
use crate::config::Settings;
use crate::context::{TracerKey, SAMPLED};
use crate::diagnostics::Destination;
use crate::export::Verify;
use crate::propagated;
use crate::sampler::{SamplerState, Threshold};
use crate::shard::{Budget, Counts, MakeShard, OwnBudget, Refused, Registry, Shard, Sizes};
use crate::shm::{Attachment, Hosts};
use crate::sync::SegQueue;
use crate::unplaced::{NoShard, CAUSES, UNPLACED};
use crate::wire::{StrayEnd, ThreadStart};
use crate::{life, sys, Context, TraceId};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::Arc;

/// One tracer. Any thread can access all of it safely. The comments below say which threads do.
#[derive(Debug)]
pub(crate) struct Shared {
    // Set when the tracer starts, and never again. Any thread reads them.
    /// The number by which contexts refer to it; zero for a tracer that records nothing.
    pub(crate) key: TracerKey,
    /// The process in which it was started.
    process: u32,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    /// The region of this process's parent, if this tracer records into it. It then has no collector.
    pub(crate) parent: Option<Arc<Attachment>>,
    /// One for each exporter. The collector adds batches; any thread adds a flush behind them.
    pub(crate) queues: Vec<Arc<Queue>>,
    verify: Option<Verify>,
    /// Whether implicit roots are reported.
    pub(crate) reports_implicit_roots: bool,
    /// Where this tracer's messages go. Any thread reports, without a further lock.
    pub(crate) diagnostics: Destination,
    /// Records without a shard before this tracer started. Its ledger leaves them out.
    unplaced_before: [u64; CAUSES],
    /// Reads of lost tracestates and baggage before this tracer started. Its ledger leaves them out.
    lost_tracestates_before: u64,

    // Recording threads write, on their slow path; the collector reads. A span that fits its shard accesses none of
    // these.
    /// Threads lease and return; the collector lists, closes, and changes the clock. Under its lock.
    pub(crate) registry: Registry,
    /// Ends that found no room anywhere else, at most one for each open span. Threads push; the collector pops. In a
    /// child, the thread that finds room in the parent's region pops. Lock-free.
    overflow: SegQueue<StrayEnd>,
    /// Threads that start roots ask it. Atomics.
    sampler: SamplerState,
    sampler_reads_clock: bool,
    sampler_uses_tracestate: bool,

    /// How long threads that find no room wait, and the waits so far. Atomics.
    pub(crate) waiting: Waiting,

    // The collector writes; recording threads read.
    /// The clock that shards read. The collector stores it; threads that lease a shard or need a stamp without one load
    /// it. Relaxed, because each stamp identifies its clock.
    clock_source: AtomicU8,
    /// The clock epoch of new local traces. The collector stores it; threads that start roots load it. Relaxed, because
    /// each trace has the epoch that its root found.
    epoch: AtomicU8,

    // Between the collector and the threads with requests to it. A thread that only records doesn't access these.
    /// Any thread adds requests; the collector takes them, and publishes its counts after each pass. Under its locks.
    pub(crate) control: Control,
    /// The regions of this process's children. Threads that make them add, the collector reads and removes. Under its
    /// lock.
    pub(crate) hosts: Hosts,

    // Set once.
    /// The location of the collector. The thread that starts the tracer sets it; any thread wakes. Lock-free.
    pub(crate) wake: Wake,
    /// The tracer has finished. The thread that finishes it sets this before it asks the collector for the end; threads
    /// that need a shard read it. Release and acquire.
    closed: AtomicBool,
}

/// Where a tracer's spans and messages go.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) queues: Vec<Arc<Queue>>,
    pub(crate) verify: Option<Verify>,
    pub(crate) reports_implicit_roots: bool,
    pub(crate) diagnostics: Destination,
    /// The mode in which everything waits.
    pub(crate) complete: Option<Complete>,
}

/// Shards in this process's memory, of at most so many bytes together, or in the region of its parent.
fn make_shard(parent: Option<Arc<Attachment>>, ring_bytes: usize) -> MakeShard {
    match parent {
        None => {
            let budget: Arc<dyn Budget> = Arc::new(OwnBudget::new(ring_bytes as u64));
            Box::new(move |sizes, clock, first_id| Shard::new(sizes, clock, first_id, Arc::clone(&budget)))
        }
        Some(region) => Box::new(move |_, _, first_id| region.next_shard(first_id)),
    }
}

impl Shared {
    pub(crate) fn new(
        key: TracerKey,
        settings: Settings,
        clock: Clock,
        sizes: Sizes,
        parent: Option<Arc<Attachment>>,
        Outputs { queues, verify, reports_implicit_roots, diagnostics, complete }: Outputs,
    ) -> Self {
        Self {
            key,
            process: life::process(),
            sampler: SamplerState::new(&settings.sampler),
            sampler_reads_clock: settings.sampler.reads_clock(),
            sampler_uses_tracestate: settings.sampler.uses_tracestate(),
            waiting: Waiting::new(settings.overload(), complete),
            registry: Registry::new(sizes, make_shard(parent.clone(), settings.ring_bytes)),
            settings,
            clock_source: AtomicU8::new(clock.source()),
            clock,
            epoch: AtomicU8::new(0),
            parent,
            hosts: Hosts::default(),
            wake: Wake::default(),
            control: Control::default(),
            queues,
            verify,
            reports_implicit_roots,
            diagnostics,
            overflow: SegQueue::new(),
            closed: AtomicBool::new(false),
            unplaced_before: UNPLACED.all(),
            lost_tracestates_before: propagated::lost(),
        }
    }

    /// A tracer without threads, for the models of the shards' protocol.
    #[cfg(all(test, loom))]
    pub(crate) fn modelled(sizes: Sizes) -> Self {
        let clock = Clock::Manual(crate::clock::ManualClock::new());
        Self::new(1 << 16, Settings::default(), clock, sizes, None, Outputs::default())
    }

    /// Whether to record a new trace, or this process's part of a remote parent's trace, and what becomes of the
    /// tracestate's threshold. `ot` is that member of the parent's tracestate if the sampler
    /// [uses](Self::sampler_uses_tracestate) it.
    ///
    /// In an attached child, the parent has decided.
    pub(crate) fn samples(&self, trace: TraceId, parent: Option<Context>, ot: &str) -> (bool, Threshold) {
        if let (Some(_), Some(parent)) = (&self.parent, parent) {
            return (parent.has(SAMPLED), Threshold::Keep);
        }
        let now_ns = if self.sampler_reads_clock { self.clock.monotonic_ns() } else { 0 };
        self.sampler.decide(trace, parent, ot, now_ns)
    }

    /// Whether the sampler's decisions depend on the tracestate.
    pub(crate) fn sampler_uses_tracestate(&self) -> bool {
        self.sampler_uses_tracestate
    }

    /// A stamp of the clock that this tracer's shards use.
    pub(crate) fn clock_tick(&self) -> u64 {
        match self.clock_source() {
            crate::clock::COUNTER => crate::clock::counter(),
            _ => self.clock.slow_tick(),
        }
    }

    /// The clock that this tracer's shards read.
    pub(crate) fn clock_source(&self) -> u8 {
        self.clock_source.load(Ordering::Relaxed)
    }

    /// The clock epoch of new local traces.
    pub(crate) fn epoch(&self) -> u8 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// New local traces are in another clock epoch from now on.
    pub(crate) fn set_epoch(&self, epoch: u8) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Asks the system again which clock to read, and sets it in every shard. Opens a file, so only the collector calls
    /// it, rarely.
    pub(crate) fn renew_clock_source(&self) {
        let source = self.clock.source();
        self.clock_source.store(source, Ordering::Relaxed);
        self.registry.set_clock(source);
        self.hosts.set_clock(source);
    }

    /// Writes its new owner into a shard that was just leased. If the last owner left too little room for that, no other
    /// record fits either, and the first refill that finds room writes it.
    pub(crate) fn announce_thread(&self, shard: &Shard) -> Result<(), Refused> {
        let thread = std::thread::current();
        let writer = shard.writer();
        let mut made = [0; 64];
        let name = thread.name().unwrap_or_else(|| crate::lane_name::of_unnamed(&mut made));
        let start = ThreadStart { thread: sys::thread_id(), name: crate::text::cut(name, 64) };
        let bytes = start.bytes();
        if !writer.fits(bytes) {
            let refill = writer.refill(bytes, false);
            writer.set_unannounced(refill.outcome.is_err());
            if refill.outcome.is_err() {
                self.wake.wake();
                return refill.outcome;
            }
        }
        writer.record_with_bytes(start.before_name(), start.name.as_bytes());
        Ok(())
    }

    /// Takes an end for which no shard had room.
    pub(crate) fn overflow(&self, end: StrayEnd) {
        self.overflow.push(end);
        match &self.parent {
            None => self.wake.wake(),
            Some(region) => _ = self.overflow_to(region),
        }
    }

    /// Moves ends that found no room to the parent's region. Returns whether all of them fitted. If not, the next end
    /// without room, a flush, or the end of the tracer tries again.
    pub(crate) fn overflow_to(&self, region: &Attachment) -> bool {
        while let Some(end) = self.overflow.pop() {
            if !region.stray(&end) {
                self.overflow.push(end);
                return false;
            }
        }
        true
    }

    /// Whether this process is the child of a fork, and the tracer is its parent's: any lock in it may be held permanently,
    /// by a thread that exists only in the parent.
    pub(crate) fn is_foreign(&self) -> bool {
        self.process != life::process()
    }

    /// Whether there is a collector in this process.
    pub(crate) fn has_collector(&self) -> bool {
        self.key != 0 && self.parent.is_none()
    }

    /// Counts a span without a shard.
    pub(crate) fn count_unplaced(&self) {
        if let Some(region) = &self.parent {
            region.count_unplaced();
        }
    }

    pub(crate) fn next_overflow(&self) -> Option<StrayEnd> {
        self.overflow.pop()
    }

    /// Sends a request to the collector. Calls `otherwise` if it has stopped.
    pub(crate) fn ask(&self, request: Request<'_>, otherwise: impl FnOnce()) {
        if self.key != 0 && self.control.ask(request) {
            self.wake.wake();
        } else {
            otherwise();
        }
    }

    /// Adds one part per exporter to the barrier: `ask`, behind everything that is queued. Completes the caller's part.
    pub(crate) fn await_exporters(&self, barrier: &Arc<Barrier>, ask: fn(&Queue, &Arc<Barrier>)) {
        barrier.add(self.queues.len());
        self.queues.iter().for_each(|queue| ask(queue, barrier));
        barrier.done(None);
    }

    /// Records in the whole process that no shard could count, since this tracer started.
    pub(crate) fn unplaced(&self, why: NoShard) -> u64 {
        let why = why as usize;
        UNPLACED.all()[why].saturating_sub(self.unplaced_before[why])
    }

    /// Updates in the whole process that were lost, since this tracer started.
    fn missed_updates(&self) -> u64 {
        self.unplaced(NoShard::NoSpan) + self.unplaced(NoShard::UpdateLost)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn ledger(&self) -> Ledger {
        // Reads the collector's counts first: a writer had counted each span as started before the collector counted it.
        let Published { assembled, open, children } = self.control.counts();
        let exporters = self.queues.iter().map(|queue| queue.ledger()).collect();
        let mut counts = self.registry.counts();
        if self.parent.is_some() {
            return Ledger { waits: self.waiting.counts(), ..Self::childs_ledger(&counts) };
        }
        counts.add(&children.counts);
        let transparent = transparent(&counts);
        Ledger {
            begun: counts.begun + transparent.total() + assembled.update_spans,
            transparent,
            sampled_out: counts.sampled_out,
            missed_updates: self.missed_updates(),
            after_finish: self.unplaced(NoShard::Finished),
            assembled: assembled.spans,
            incomplete: assembled.incomplete,
            aborted: assembled.aborted,
            open,
            undrained: counts.begun.saturating_sub(assembled.begins),
            late: assembled.late,
            truncated: assembled.truncated,
            corrupt: assembled.corrupt,
            marks: assembled.marks,
            lost_marks: counts.lost_marks,
            forgotten_marks: assembled.forgotten_marks,
            unpublished: children.unpublished,
            quarantined: children.quarantined,
            unplaced: children.unplaced,
            waits: self.waiting.counts(),
            lost_tracestates: propagated::lost().saturating_sub(self.lost_tracestates_before),
            implicit_roots: assembled.implicit_roots,
            first_implicit_roots: self.control.implicit_roots(),
            orphans: self.verify.as_ref().map(Verify::orphans),
            exporters,
        }
    }

    /// The ledger of an attached child. Everything that it recorded is in its parent's ledger.
    fn childs_ledger(counts: &Counts) -> Ledger {
        let transparent = transparent(counts);
        let parent = ExporterLedger { name: "parent".to_owned(), exported: counts.begun, ..ExporterLedger::default() };
        Ledger {
            begun: counts.begun + transparent.total(),
            transparent,
            sampled_out: counts.sampled_out,
            assembled: counts.begun,
            lost_marks: counts.lost_marks,
            exporters: vec![parent],
            ..Ledger::default()
        }
    }
}

/// What the writers refused.
fn transparent(counts: &Counts) -> Transparent {
    let [full, open_cap, closed, root_lost, ring_bytes] = counts.refused;
    Transparent { full, open_cap, closed, root_lost, ring_bytes }
}
