//! The collector's thread: its schedule, its requests, its end.
//!
//! It makes a pass every few milliseconds while there is something to read, every 50 ms otherwise, and at once when a
//! shard is a third full or another thread has a request. Passing without a pause would cost a factor of three (the cache
//! lines of the shards move between cores), and waking it for each span a factor of fifty in the slowest spans.
//!
//! A flush:
//!
//! 1. passes over all shards until nothing waits for another pass, so that everything published before the request is
//!    assembled;
//! 2. sends the current batch;
//! 3. puts a barrier into each exporter's queue. The caller waits for it, the collector doesn't.
//!
//! The end is the same, except that all open spans are closed as incomplete after 1., and the thread stops after 3.

use super::assemble::Assembler;
use super::drain::{settle, Sources};
use super::sample::{self, Sampler, SpanCost};
use crate::clock::timeline::Timeline;
use crate::clock::Clock;
use crate::diagnostics::{Cause, Diagnostic, Level};
use crate::export::{Batch, Resource};
use crate::life::enter_pipeline;
use crate::pipeline::{Barrier, LossReports, Published, Question, Queue, Shared};
use crate::sys::thread_id;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{park_timeout, JoinHandle};
use std::time::{Duration, Instant};

/// How long it sleeps between passes while there is nothing to read, so that an idle program rarely wakes up.
const IDLE: Duration = Duration::from_millis(50);
/// How many passes without a byte make it idle.
const IDLE_AFTER: u32 = 10;

/// Starts the collector of a tracer.
pub(crate) fn start(tracer: Arc<Shared>, resource: Arc<Resource>) -> std::io::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("heirloom-collect".to_owned());
    thread.spawn(move || {
        enter_pipeline();
        tracer.diagnostics.use_on_this_thread();
        let timeline = match &tracer.clock {
            Clock::System => Timeline::system(),
            Clock::Manual(_) => Timeline::manual(),
        };
        let assembler = Assembler::new(resource, tracer.settings.limits, tracer.settings.queue_bytes, timeline);
        let now = Instant::now();
        let collector = Collector {
            tracer: Arc::clone(&tracer),
            assembler,
            sources: Sources::default(),
            sent: now,
            watched: now,
            losses: LossReports::default(),
            sampler: sampler(&tracer),
        };
        // A bug in the collector must not hang a thread that flushes. Without a collector nothing is recorded, and every
        // flush returns an error.
        if catch_unwind(AssertUnwindSafe(|| collector.run())).is_err() {
            tracer.diagnostics.report(Diagnostic::new(
                Level::Error,
                Cause::Bug,
                "the collector panicked, which is a bug in Heirloom: nothing is recorded from now on; please report it",
            ));
            tracer.registry.close();
            tracer.hosts.abandon();
            tracer.control.stop().iter().for_each(|barrier| tracer.await_exporters(barrier, Queue::flush));
        }
    })
}

struct Collector {
    tracer: Arc<Shared>,
    assembler: Assembler,
    sources: Sources,
    /// The time at which the last batch was sent.
    sent: Instant,
    /// The time of the last check of the clock and the exporters.
    watched: Instant,
    losses: LossReports,
    /// `None` if nothing is sampled.
    sampler: Option<Sampler>,
}

impl Collector {
    fn run(mut self) {
        let mut quiet = 0;
        loop {
            let asked = self.tracer.control.take();
            if asked.flush {
                self.flush(&asked.flushes);
            }
            if !asked.open_spans.is_empty() {
                self.settle();
                let spans = self.assembler.open_spans();
                asked.open_spans.iter().for_each(|answer| answer.give(spans.clone()));
            }
            if asked.close {
                return self.close(&asked.closes);
            }
            let (bytes, waits) = self.pass();
            self.sample(bytes);
            self.send_if_due();
            self.tracer.waiting.complete.iter().for_each(|complete| complete.report(&self.tracer.diagnostics));
            self.look_after();
            quiet = if bytes == 0 && !waits && asked.is_empty() { quiet + 1 } else { 0 };
            let pending = self.assembler.batch_len() > 0 || waits;
            let idle = quiet > IDLE_AFTER && !pending;
            park_timeout(if idle { IDLE } else { self.tracer.settings.drain_interval });
        }
    }

    /// Flushes once for all that asked, also if none of them waits any more.
    fn flush(&mut self, barriers: &[Arc<Barrier>]) {
        self.settle();
        self.send();
        self.await_exporters(barriers, Queue::flush);
    }

    fn await_exporters(&self, barriers: &[Arc<Barrier>], ask: fn(&Queue, &Arc<Barrier>)) {
        barriers.iter().for_each(|barrier| self.tracer.await_exporters(barrier, ask));
        if barriers.is_empty() {
            self.tracer.await_exporters(&Barrier::new(1), ask);
        }
    }

    /// Ends the collector. A panic hook and a guard may both request it.
    fn close(&mut self, ends: &[Arc<Barrier>]) {
        self.tracer.registry.close();
        self.tracer.hosts.close_to_writers();
        self.settle();
        self.last_sample();
        let Self { tracer, assembler, sources, .. } = &mut *self;
        let mut send = |batch| deliver(tracer, batch);
        sources.note_ended_threads(assembler);
        assembler.close_all(tracer.clock_tick(), &mut send);
        sources.regions.close_all(tracer, assembler, &mut send);
        sources.end();
        self.send();
        self.publish_counts();
        self.losses.report_all_implicit_roots(&self.tracer);
        self.await_exporters(ends, Queue::shutdown);
        // Requests that arrive during this wait for the exporters too.
        self.tracer.control.stop().iter().for_each(|barrier| self.tracer.await_exporters(barrier, Queue::flush));
    }

    /// Samples the lanes, if something was read since they were, and it is time.
    fn sample(&mut self, bytes: u64) {
        let Self { tracer, assembler, sources, sampler: Some(sampler), .. } = self else { return };
        sampler.is_active |= bytes > 0;
        if sampler.is_due() {
            let lanes = sources.sampled(&assembler.lanes);
            let now_ns = assembler.timeline.unix_ns(tracer.clock_tick(), assembler.timeline.epoch());
            let own = tracer.queues.iter().filter_map(|queue| queue.thread_number()).chain([thread_id()]);
            sampler.sample(lanes.into_iter(), own, now_ns, assembler);
        }
    }

    /// A last sample, of the time since the last one.
    fn last_sample(&mut self) {
        if let Some(sampler) = &mut self.sampler {
            sampler.end_pause();
        }
        self.sample(1);
        let Self { assembler, sources, sampler: Some(sampler), .. } = self else { return };
        sampler.end(sources.sampled(&assembler.lanes).into_iter(), assembler);
    }

    /// One pass over all shards.
    fn pass(&mut self) -> (u64, bool) {
        let Self { tracer, assembler, sources, .. } = self;
        let ask = |queue: &Arc<Queue>| Some((Arc::clone(queue), queue.question()?));
        let asking: Vec<_> = tracer.queues.iter().filter_map(ask).collect();
        let result = sources.pass(tracer, assembler, &mut |batch| deliver(tracer, batch));
        if !asking.is_empty() {
            self.answer(&asking);
        }
        self.publish_counts();
        result
    }

    /// Answers queues that asked before a pass, once everything that has ended is in them.
    #[cold]
    fn answer(&mut self, asking: &[(Arc<Queue>, Question)]) {
        self.send();
        asking.iter().for_each(|(queue, question)| queue.answer(question, &self.assembler));
    }

    /// Passes until everything published before the call is assembled.
    fn settle(&mut self) {
        settle(|| self.pass().1);
    }

    fn publish_counts(&mut self) {
        let children = self.sources.regions.counts();
        let counts = Published { assembled: self.assembler.counts, open: self.assembler.open_count(), children };
        self.tracer.control.publish(counts);
        self.tracer.control.publish_implicit_roots(self.assembler.implicit_roots());
        self.sources.regions.tell();
    }

    fn send_if_due(&mut self) {
        if self.assembler.batch_len() == 0 {
            self.sent = Instant::now();
        } else if self.sent.elapsed() >= self.tracer.settings.export_delay {
            self.send();
        }
    }

    fn send(&mut self) {
        self.sent = Instant::now();
        let Self { tracer, assembler, .. } = self;
        assembler.send_all(&mut |batch| deliver(tracer, batch));
    }

    /// Checks, once in a while, for exporters that hang, for losses to report, and whether the kernel still uses the
    /// counter.
    fn look_after(&mut self) {
        if self.watched.elapsed() < Duration::from_secs(1).min(self.tracer.diagnostics.every()) {
            return;
        }
        self.watched = Instant::now();
        self.tracer.queues.iter().for_each(|queue| queue.watch());
        self.losses.report(&self.tracer, self.watched);
        self.losses.report_implicit_roots(&self.tracer);
        self.tracer.renew_clock_source();
    }
}

/// What samples the lanes of a tracer, if that is wanted and possible.
fn sampler(tracer: &Shared) -> Option<Sampler> {
    let is_wanted = tracer.settings.sample && matches!(tracer.clock, Clock::System) && cfg!(target_os = "linux");
    if is_wanted && !sample::is_possible() {
        let message = "the CPU time of threads can't be read from /proc (schedstat, stat): an analysis of the run doesn't know what waited \
                       for a CPU; HEIRLOOM_SAMPLE=0 silences this message";
        tracer.diagnostics.report(Diagnostic::new(Level::Warn, Cause::NotSampled, message));
        return None;
    }
    is_wanted.then(|| Sampler::new(SpanCost::measured(|| tracer.clock_tick())))
}

fn deliver(tracer: &Shared, batch: Batch) {
    let batch = Arc::new(batch);
    tracer.queues.iter().for_each(|queue| queue.push(&batch));
}
