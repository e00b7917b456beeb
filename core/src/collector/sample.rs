//! Samples of the CPU time of lanes and processes, while records arrive: what was computed and what waited, which spans don't say.
//!
//! The kernel has counted both since the start of each thread ([`machine`](crate::sys::machine)). A sample reads the counts of all
//! known lanes, and its marks have the differences to the one before. Samples are taken after passes that had something to read, so
//! an idle program isn't woken for them, at most 20 times a second but for the first five, and less often if a sample takes more
//! than a quarter of a percent of the time between two. With what it costs later, that is half a percent at most.

use super::assemble::{Assembler, ProcessId};
use super::lanes::LaneId;
use crate::export::MarkRow;
use crate::mark_kind::MarkKind;
use crate::sys::machine::{open_files, MachineFile, ProcessFile, ProcessTimes, ThreadFile, ThreadTimes};
use crate::SpanId;
use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The least time between two samples.
const LEAST: Duration = Duration::from_millis(50);
/// Behind the first sample, it is doubled up to that: threads of a pool begin some milliseconds after the first thread, and until a
/// lane has two samples, nothing is known of its CPU time.
const FIRST: Duration = Duration::from_millis(2);
/// A sample may take this part of the time up to the next one: a quarter of a percent. In all it costs up to twice that: its marks
/// take up room in batches, most samples take longer than the shortest of the last ones, and the passes behind it find cold caches.
const PART: u32 = 400;
/// Of so many samples, the one that took least says what one costs.
const LAST: usize = 8;
/// How far the CPU time of one process may be ahead of that of all, at most, because both are sums of counts in steps of 10 ms:
/// five steps. If it is more, the counts disagree for another reason, which must not hide what others use later.
const STEPS_NS: u64 = 50_000_000;
/// How many files are kept open, at least and at most. Those of further lanes are opened for each sample, at six times the cost.
const FILES: std::ops::RangeInclusive<usize> = 64..=1024;
/// The part of the files that the process may open that are kept open: an eighth.
const PART_OF_FILES: usize = 8;

/// What a span costs the thread that records it, at least. Of the 20 ns of a span without attributes, four fifths are its two
/// readings of the clock (`benches/README.md`, "The recording thread"), whose price differs most between machines. So it is 2.5
/// readings, which are timed here, in a loop: attributes and cold caches come on top.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanCost {
    picoseconds: u64,
}

impl SpanCost {
    /// Times readings of the clock: some microseconds.
    pub(super) fn measured(read_clock: impl Fn() -> u64) -> Self {
        const READINGS: u32 = 64;
        const ROUNDS: u32 = 8;
        let round = |_| {
            let start = Instant::now();
            (0..READINGS).for_each(|_| _ = black_box(read_clock()));
            start.elapsed()
        };
        // The fastest one: the others were interrupted.
        let fastest = (0..ROUNDS).map(round).min().unwrap_or_default();
        Self { picoseconds: u64::try_from(fastest.as_nanos() * 2500 / u128::from(READINGS)).unwrap_or(u64::MAX) }
    }

    fn of_ns(self, spans: u64) -> u64 {
        u64::try_from(u128::from(spans) * u128::from(self.picoseconds) / 1000).unwrap_or(u64::MAX)
    }
}

/// A lane that may be sampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub(super) process: ProcessId,
    pub(super) lane: LaneId,
    pub(super) process_id: u32,
    pub(super) thread_id: u64,
}

/// A thread's last sample.
#[derive(Debug)]
struct Thread {
    file: Option<ThreadFile>,
    times: ThreadTimes,
    /// Up to here it has marks.
    until_ns: u64,
    /// Up to here it was seen, and used no CPU since its last mark.
    seen_ns: u64,
    /// The number of the last sample in which it was among the lanes.
    sample: u64,
}

/// A process's last sample, and the CPU time of all processes then.
#[derive(Debug)]
struct Process {
    file: Option<ProcessFile>,
    times: ProcessTimes,
    busy_ns: u64,
    /// By how much its CPU time was ahead of that of all processes.
    ahead_ns: u64,
    at_ns: u64,
    sample: u64,
}

/// The CPU time of the other processes, of which `busy_ns` and `own_ns` are that of all and of one. Both are counted in steps, of
/// 10 ms on most systems. So this one may seem to have used more than all: `ahead_ns` is how much, and is subtracted the next time.
/// Without that, each sample would round up.
fn of_others(busy_ns: u64, own_ns: u64, ahead_ns: &mut u64) -> u64 {
    let own_ns = own_ns.saturating_add(*ahead_ns);
    *ahead_ns = own_ns.saturating_sub(busy_ns).min(STEPS_NS);
    busy_ns.saturating_sub(own_ns)
}

/// The samples of a tracer's lanes.
#[derive(Debug)]
pub(super) struct Sampler {
    span_cost: SpanCost,
    /// How many spans had begun at the last mark that has their cost.
    begun: u64,
    threads: HashMap<(u32, u64), Thread>,
    processes: HashMap<u32, Process>,
    own: OwnThreads,
    machine: Option<MachineFile>,
    /// The end of the last sample, and how long the next one has to wait.
    last: Option<(Instant, Duration)>,
    /// The number of the last sample.
    number: u64,
    /// How long the last samples took.
    took: [Duration; LAST],
    /// How many files are kept open, of the sample so far, and at most.
    files: usize,
    most_files: usize,
    /// Something was read since the last sample.
    pub(super) is_active: bool,
}

impl Sampler {
    pub(super) fn new(span_cost: SpanCost) -> Self {
        Self {
            span_cost,
            begun: 0,
            threads: HashMap::new(),
            processes: HashMap::new(),
            own: OwnThreads::default(),
            machine: MachineFile::open().ok(),
            last: None,
            number: 0,
            took: [Duration::ZERO; LAST],
            files: 0,
            most_files: most_files(open_files()),
            is_active: false,
        }
    }

    /// Whether a sample is due.
    pub(super) fn is_due(&self) -> bool {
        self.is_active && self.last.is_none_or(|(end, pause)| end.elapsed() >= pause)
    }

    /// The next sample is due at once.
    pub(super) fn end_pause(&mut self) {
        self.last = None;
    }

    /// Samples lanes at this time. Without two earlier samples of a lane, it has no mark yet. `own` are the collector's thread and
    /// those of the exporters.
    pub(super) fn sample(
        &mut self,
        lanes: impl Iterator<Item = Sampled>,
        own: impl Iterator<Item = u64>,
        now_ns: u64,
        to: &mut Assembler,
    ) {
        let start = Instant::now();
        self.number += 1;
        self.files = 0;
        self.is_active = false;
        let busy_ns = self.machine.as_ref().and_then(MachineFile::busy_ns);
        self.own.read(own);
        for sampled in lanes.filter(|sampled| sampled.thread_id != 0) {
            if let Some(busy_ns) = busy_ns {
                self.process(sampled, busy_ns, now_ns, to);
            }
            self.thread(sampled, now_ns, to);
        }
        let number = self.number;
        self.threads.retain(|_, thread| thread.sample == number);
        self.processes.retain(|_, process| process.sample == number);
        let pause = self.pause(start.elapsed());
        self.last = Some((Instant::now(), pause));
    }

    /// How long the next sample has to wait behind one that took so long. What a sample costs is the shortest of the last ones: on
    /// a machine without a free core, which samples are there to tell, the others were interrupted.
    fn pause(&mut self, took: Duration) -> Duration {
        self.took[self.number as usize % LAST] = took;
        let known = self.took.iter().filter(|took| !took.is_zero());
        let least = LEAST.min(FIRST * (1 << self.number.min(10)) / 2);
        least.max(known.min().copied().unwrap_or(took) * PART)
    }

    fn thread(&mut self, sampled: Sampled, now_ns: u64, to: &mut Assembler) {
        let key = (sampled.process_id, sampled.thread_id);
        let mut known = self.threads.get_mut(&key);
        let kept = known.as_mut().and_then(|thread| thread.file.take());
        let file = kept.or_else(|| ThreadFile::open(key.0, key.1).ok());
        let Some((file, times)) = file.and_then(|file| file.read().map(|times| (file, times))) else {
            // It has ended. It is forgotten after this sample.
            return known.into_iter().for_each(|thread| thread.was_idle(sampled, to));
        };
        let file = keeps(&mut self.files, self.most_files).then_some(file);
        let Some(thread) = known else {
            let new = Thread { file, times, until_ns: now_ns, seen_ns: now_ns, sample: self.number };
            self.threads.insert(key, new);
            return;
        };
        (thread.file, thread.sample) = (file, self.number);
        let before = std::mem::replace(&mut thread.times, times);
        let cpu_ns = times.cpu_ns.saturating_sub(before.cpu_ns);
        let waiting_ns = times.waiting_ns.saturating_sub(before.waiting_ns);
        if cpu_ns == 0 && waiting_ns == 0 {
            thread.seen_ns = now_ns;
            return;
        }
        thread.was_idle(sampled, to);
        to.sampled(sampled, MarkKind::Cpu, thread.seen_ns..now_ns, [cpu_ns, waiting_ns, 0, 0]);
        (thread.until_ns, thread.seen_ns) = (now_ns, now_ns);
    }

    /// Once for each process, on the first of its lanes.
    fn process(&mut self, sampled: Sampled, busy_ns: u64, now_ns: u64, to: &mut Assembler) {
        let known = self.processes.get(&sampled.process_id);
        if known.is_some_and(|process| process.sample == self.number) {
            return;
        }
        let mut known = self.processes.remove(&sampled.process_id);
        let kept = known.as_mut().and_then(|process| process.file.take());
        let file = kept.or_else(|| ProcessFile::open(sampled.process_id).ok());
        let Some((file, times)) = file.and_then(|file| file.read().map(|times| (file, times))) else { return };
        let file = keeps(&mut self.files, self.most_files).then_some(file);
        let mut now = Process { file, times, busy_ns, ahead_ns: 0, at_ns: now_ns, sample: self.number };
        if let Some(before) = known {
            now.ahead_ns = before.ahead_ns;
            let own_ns = times.cpu_ns.saturating_sub(before.times.cpu_ns);
            let others_ns = of_others(busy_ns.saturating_sub(before.busy_ns), own_ns, &mut now.ahead_ns);
            let page_faults = times.page_faults.saturating_sub(before.times.page_faults);
            let is_own = sampled.process == ProcessId::OWN;
            let recording_ns = if is_own { self.recording_ns(to.counts.begins) } else { 0 };
            to.sampled(sampled, MarkKind::Load, before.at_ns..now_ns, [own_ns, others_ns, page_faults, recording_ns]);
            if is_own {
                to.sampled(sampled, MarkKind::Collector, before.at_ns..now_ns, [self.own.used_ns(), 0, 0, 0]);
            }
        }
        self.processes.insert(sampled.process_id, now);
    }

    /// What recording has cost since it was asked last, when so many spans have begun, in all processes.
    fn recording_ns(&mut self, begun: u64) -> u64 {
        let spans = begun.saturating_sub(std::mem::replace(&mut self.begun, begun));
        self.span_cost.of_ns(spans)
    }

    /// The end: what threads have not used since their last mark is known too.
    pub(super) fn end(&mut self, lanes: impl Iterator<Item = Sampled>, to: &mut Assembler) {
        for sampled in lanes {
            if let Some(thread) = self.threads.get_mut(&(sampled.process_id, sampled.thread_id)) {
                thread.was_idle(sampled, to);
            }
        }
    }
}

/// The CPU time of the collector's thread and of those of the exporters.
#[derive(Debug, Default)]
struct OwnThreads {
    /// The file of each thread, and its CPU time at the last sample.
    threads: HashMap<u64, (ThreadFile, u64)>,
    /// What they have used since the first sample, and up to the last mark.
    sum_ns: u64,
    told_ns: u64,
}

impl OwnThreads {
    fn read(&mut self, threads: impl Iterator<Item = u64>) {
        for thread in threads {
            match self.threads.get_mut(&thread) {
                Some((file, last_ns)) => {
                    let Some(now) = file.read() else { continue };
                    self.sum_ns += now.cpu_ns.saturating_sub(*last_ns);
                    *last_ns = now.cpu_ns;
                }
                None => {
                    let opened = ThreadFile::open(crate::sys::process_id(), thread).ok();
                    let read = opened.and_then(|file| file.read().map(|now| (file, now.cpu_ns)));
                    self.threads.extend(read.map(|row| (thread, row)));
                }
            }
        }
    }

    /// What they have used since it was asked last.
    fn used_ns(&mut self) -> u64 {
        self.sum_ns - std::mem::replace(&mut self.told_ns, self.sum_ns)
    }
}

impl Thread {
    /// It used no CPU since its last mark, as far as it was seen: one mark for all that time.
    fn was_idle(&mut self, sampled: Sampled, to: &mut Assembler) {
        if self.seen_ns > self.until_ns {
            to.sampled(sampled, MarkKind::Cpu, self.until_ns..self.seen_ns, [0; 4]);
            self.until_ns = self.seen_ns;
        }
    }
}

impl Assembler {
    /// Adds a sample of a lane or of its process.
    fn sampled(&mut self, of: Sampled, kind: MarkKind, time_ns: std::ops::Range<u64>, fields: [u64; 4]) {
        let length_ns = time_ns.end.saturating_sub(time_ns.start);
        let span = SpanId::INVALID;
        let row = MarkRow { kind, lane: 0, span, time_ns: time_ns.end, length_ns, fields, text: Default::default() };
        self.add_lane_mark(of.process, of.lane, row);
    }
}

/// Whether one more file is kept open. Counts it then.
fn keeps(files: &mut usize, most: usize) -> bool {
    let keeps = *files < most;
    *files += usize::from(keeps);
    keeps
}

/// How many files are kept open, if the process may open so many.
fn most_files(limit: Option<usize>) -> usize {
    (limit.unwrap_or(0) / PART_OF_FILES).clamp(*FILES.start(), *FILES.end())
}

/// Whether the kernel says what this thread has used.
pub(super) fn is_possible() -> bool {
    let own = ThreadFile::open(crate::sys::process_id(), crate::sys::thread_id());
    let machine = MachineFile::open();
    own.ok().and_then(|file| file.read()).is_some() && machine.ok().and_then(|file| file.busy_ns()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_was_interrupted_does_not_lengthen_the_pause() {
        let mut sampler = Sampler::new(SpanCost { picoseconds: 20_500 });
        let pauses = [400, 20_000, 20_000, 300, 10].map(|us| {
            sampler.number += 1;
            sampler.pause(Duration::from_micros(us)).as_millis()
        });
        assert_eq!(pauses, [160, 160, 160, 120, 32]);
        // A sample that takes longer each time, for other reasons, is believed after eight.
        let slow = [2_000; LAST].map(|us| {
            sampler.number += 1;
            sampler.pause(Duration::from_micros(us)).as_millis()
        });
        assert_eq!(slow, [50, 50, 50, 50, 50, 50, 50, 800]);
    }

    #[test]
    fn the_cpu_time_of_other_processes_is_not_rounded_up_in_each_sample() {
        const MS: u64 = 1_000_000;
        let sum = |steps: &[(u64, u64)]| {
            let mut ahead_ns = 0;
            steps.iter().map(|(busy, own)| of_others(busy * MS, own * MS, &mut ahead_ns)).sum::<u64>() / MS
        };
        assert_eq!(sum(&[(50, 60), (60, 50), (50, 60), (60, 50)]), 0);
        assert_eq!(sum(&[(60, 50), (50, 60), (60, 50), (50, 60)]), 10, "the first step can't be taken back");
        assert_eq!(sum(&[(70, 50), (70, 50)]), 40);
        // Where the counts disagree for another reason, what others use later is still seen.
        assert_eq!(sum(&[(0, 1_000), (100, 0)]), 50);
    }

    #[test]
    fn the_first_pauses_are_short_so_that_threads_that_begin_late_are_known_soon() {
        let mut sampler = Sampler::new(SpanCost { picoseconds: 20_500 });
        let pauses = [2; 8].map(|us| {
            sampler.number += 1;
            sampler.pause(Duration::from_micros(us)).as_millis()
        });
        assert_eq!(pauses, [2, 4, 8, 16, 32, 50, 50, 50]);
    }

    #[test]
    fn an_eighth_of_the_files_that_the_process_may_open_are_kept_open() {
        let limits = [None, Some(100), Some(1024), Some(20_000)];
        assert_eq!(limits.map(most_files), [64, 64, 128, 1024]);
        let mut files = 0;
        assert_eq!([(); 3].map(|()| keeps(&mut files, 2)), [true, true, false]);
    }

    #[test]
    fn each_span_counts_once_and_costs_two_and_a_half_readings_of_the_clock() {
        let slow = |us| {
            move || {
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(us) {}
                0
            }
        };
        let cost = SpanCost::measured(slow(20));
        assert!(cost.of_ns(1) >= 50_000, "{cost:?}");
        let mut sampler = Sampler::new(SpanCost { picoseconds: 20_500 });
        let costs = [2, 2, 12].map(|begun| sampler.recording_ns(begun));
        assert_eq!(costs, [41, 0, 205]);
    }
}
