//! Cuts the time of each lane into parts, and says to which job each belongs.

use super::cpu::{self, Cpu};
use super::intervals::{self, Interval, OfLane, What};
use super::stretches::{Is, Stretch, Stretches};
use super::NONE;
use crate::model::{FanIx, FanKind, LaneIx, Run, SpanIx, WaitCause};

/// What started a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A fan-out.
    Fan(FanIx),
    /// It is a child, without a fan-out, of a span that is in another job.
    Child(SpanIx),
    /// Nothing that is known.
    Root,
}

/// A job, before it has nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewJob {
    pub(super) origin: Origin,
    pub(super) span: SpanIx,
    /// Where it began: a lane, or [`NONE`].
    pub(super) lane: LaneIx,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A time at which a span is on a lane, and in which job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presence {
    pub(super) span: SpanIx,
    pub(super) job: u32,
    pub(super) lane: LaneIx,
    pub(super) start: u64,
    pub(super) end: u64,
    /// The fan-out, if it is the interval of one.
    pub(super) fan: FanIx,
}

/// What is found on the lanes.
pub(super) struct Found<'a> {
    pub(super) jobs: Vec<NewJob>,
    pub(super) stretches: Stretches,
    /// For each lane, in a run with samples: how much of its work was on a CPU.
    pub(super) cpu: Vec<Cpu<'a>>,
    /// Of the spans that something depends on.
    pub(super) presences: Vec<Presence>,
    /// For each fan-out: the job that begins it and waits for it.
    pub(super) hosts: Vec<u32>,
    /// For each wait: the job that waits.
    pub(super) waiters: Vec<u32>,
    /// For each lane: when something was on it.
    pub(super) occupied: Vec<Vec<(u64, u64)>>,
}

/// Sweeps over all lanes. `needed` says which spans' presences are wanted.
pub(super) fn lanes<'a>(run: &'a Run, needed: &[bool]) -> Found<'a> {
    let mut found = Found {
        jobs: Vec::new(),
        stretches: Stretches::default(),
        cpu: Vec::new(),
        presences: Vec::new(),
        hosts: vec![NONE; run.fans.len()],
        waiters: vec![NONE; run.waits.len()],
        occupied: vec![Vec::new(); run.lanes.len()],
    };
    let mut tasks = vec![NONE; if run.polls.is_empty() { 0 } else { run.spans.len() }];
    let (samples, halved) = (cpu::by_lane(run), halved(run));
    let mut on_lanes = intervals::Lanes::of(run);
    for lane in 0..run.lanes.len() as u32 {
        let first = found.stretches.len();
        Sweep {
            run,
            needed,
            lane,
            stack: Vec::new(),
            fresh_poll: NONE,
            tasks: &mut tasks,
            halved: &halved,
            found: &mut found,
        }
        .run(&on_lanes.take(lane));
        if !run.samples.is_empty() {
            let work = found.stretches.starting_at(first).filter(|s| s.is == Is::Work);
            let cpu = Cpu::new(samples[lane as usize], work.map(|s| (s.start, s.end)));
            found.cpu.push(cpu);
        }
    }
    found
}

/// Fan-outs of `join` of which one half was stolen: what the waiting thread ran itself is the other half.
fn halved(run: &Run) -> Vec<bool> {
    let mut halved = vec![false; run.fans.len()];
    for strand in &run.strands {
        halved[strand.fan as usize] |= run.fans[strand.fan as usize].kind == FanKind::Join;
    }
    halved
}

/// An interval that the sweep is inside of.
#[derive(Clone, Copy)]
struct Open {
    interval: Interval,
    span: SpanIx,
    job: u32,
    /// What its own time is, if it counts at all.
    is: Option<Is>,
}

struct Sweep<'a, 'b> {
    run: &'a Run,
    needed: &'a [bool],
    lane: LaneIx,
    stack: Vec<Open>,
    /// The job of a poll that has no stretch yet.
    fresh_poll: u32,
    tasks: &'a mut [u32],
    halved: &'a [bool],
    found: &'a mut Found<'b>,
}

impl Sweep<'_, '_> {
    fn run(mut self, of_lane: &OfLane) {
        let mut cuts = of_lane.cuts.iter().copied().peekable();
        let mut now = 0;
        for interval in &of_lane.intervals {
            self.advance(&mut now, interval.start, &mut cuts);
            self.open(*interval);
        }
        self.advance(&mut now, u64::MAX, &mut cuts);
    }

    /// Moves on to `to`: closes what ends, and cuts.
    fn advance(&mut self, now: &mut u64, to: u64, cuts: &mut std::iter::Peekable<impl Iterator<Item = u64>>) {
        while let Some(end) = self.stack.iter().map(|open| open.interval.end).min().filter(|end| *end <= to) {
            while let Some(cut) = cuts.next_if(|cut| *cut < end) {
                self.emit(now, cut);
            }
            self.emit(now, end);
            self.stack.retain(|open| open.interval.end > end);
            if self.stack.is_empty() {
                self.left(end);
            }
        }
        while let Some(cut) = cuts.next_if(|cut| *cut < to) {
            self.emit(now, cut);
        }
        if !self.stack.is_empty() {
            self.emit(now, to);
        }
        *now = to;
    }

    fn emit(&mut self, now: &mut u64, to: u64) {
        let (start, end) = (*now, to.max(*now));
        *now = end;
        let Some(top) = self.stack.last().filter(|_| start < end) else { return };
        let Some(is) = top.is else { return };
        let fresh_poll = self.fresh_poll == top.job && top.job != NONE;
        if fresh_poll {
            self.fresh_poll = NONE;
        }
        let (job, span, lane) = (top.job, top.span, self.lane);
        self.found.stretches.push(Stretch { is, fresh_poll, job, span, lane, start, end });
    }

    fn left(&mut self, end: u64) {
        if let Some(last) = self.found.occupied[self.lane as usize].last_mut() {
            last.1 = end;
        }
    }

    fn open(&mut self, interval: Interval) {
        if interval.start < interval.end && self.stack.is_empty() && interval.what != What::Wait {
            self.found.occupied[self.lane as usize].push((interval.start, interval.end));
        }
        let around = self.stack.iter().rev().find(|open| open.interval.what != What::Wait).copied();
        let open = match interval.what {
            What::Span => self.span(interval, around),
            What::Poll => self.poll(interval, around),
            What::Strand => self.strand(interval),
            What::Fan => self.fan(interval, around),
            What::HandedOver => match self.handed_over(interval, around) {
                Some(open) => open,
                None => return,
            },
            What::Wait => match self.wait(interval, around) {
                Some(open) => open,
                None => return,
            },
        };
        if interval.what != What::Wait && self.needed.get(open.span as usize).is_some_and(|needed| *needed) {
            let (start, end) = (interval.start, interval.end);
            let fan = if interval.what == What::Fan { interval.ix } else { NONE };
            self.found.presences.push(Presence { span: open.span, job: open.job, lane: self.lane, start, end, fan });
        }
        if interval.start < interval.end {
            self.stack.push(open);
        }
    }

    fn new_job(&mut self, origin: Origin, span: SpanIx, interval: Interval) -> u32 {
        let job = self.found.jobs.len() as u32;
        let (start, end) = (interval.start, interval.end);
        self.found.jobs.push(NewJob { origin, span, lane: self.lane, start, end });
        job
    }

    /// The origin of a span that isn't in the job of what is around it.
    fn origin(&self, span: SpanIx) -> Origin {
        let span = &self.run.spans[span as usize];
        match (span.fan(), span.parent()) {
            (Some(fan), _) => Origin::Fan(fan),
            (None, Some(parent)) => Origin::Child(parent),
            (None, None) => Origin::Root,
        }
    }

    fn span(&mut self, interval: Interval, around: Option<Open>) -> Open {
        let span = interval.ix;
        let row = &self.run.spans[span as usize];
        let inside = around.filter(|around| match (row.fan(), around.interval.what) {
            (None, _) => row.parent().is_some_and(|parent| parent == around.span),
            (Some(fan), What::Strand) => self.run.strands[around.interval.ix as usize].fan == fan,
            (Some(fan), What::Fan) => around.interval.ix == fan && self.halved[fan as usize] && around.is.is_some(),
            (Some(_), _) => false,
        });
        let job = match inside {
            Some(around) => around.job,
            None => self.new_job(self.origin(span), span, interval),
        };
        Open { interval, span, job, is: Some(Is::Work) }
    }

    fn poll(&mut self, interval: Interval, around: Option<Open>) -> Open {
        let span = self.run.polls[interval.ix as usize].span;
        let row = &self.run.spans[span as usize];
        let inside = around.filter(|around| row.fan().is_none() && row.parent().is_some_and(|p| p == around.span));
        if let Some(around) = inside {
            return Open { interval, span, job: around.job, is: Some(Is::Work) };
        }
        let mut job = self.tasks[span as usize];
        if job == NONE {
            job = self.new_job(self.origin(span), span, interval);
            self.tasks[span as usize] = job;
        }
        let new = &mut self.found.jobs[job as usize];
        (new.start, new.end) = (new.start.min(interval.start), new.end.max(interval.end));
        self.fresh_poll = job;
        Open { interval, span, job, is: Some(Is::Work) }
    }

    fn strand(&mut self, interval: Interval) -> Open {
        let fan = self.run.strands[interval.ix as usize].fan;
        let span = self.run.fans[fan as usize].parent.unwrap_or(NONE);
        let job = self.new_job(Origin::Fan(fan), span, interval);
        Open { interval, span, job, is: Some(Is::Work) }
    }

    /// What the waiting thread does itself until the join. In a `join` or a scope that may be work of the parent, else it is
    /// waiting.
    fn fan(&mut self, interval: Interval, around: Option<Open>) -> Open {
        let fan = &self.run.fans[interval.ix as usize];
        let span = fan.parent.unwrap_or(NONE);
        let host =
            around.filter(|around| around.span == span && span != NONE).map(|around| match around.interval.what {
                What::Fan if self.run.fans[around.interval.ix as usize].kind == FanKind::Iterator => {
                    self.new_job(Origin::Fan(around.interval.ix), span, interval)
                }
                _ => around.job,
            });
        if let Some(host) = host {
            self.found.hosts[interval.ix as usize] = host;
        }
        let works = matches!(fan.kind, FanKind::Join | FanKind::Scope) && !fan.blocks && span != NONE;
        let job = self.new_job(Origin::Fan(interval.ix), span, interval);
        Open { interval, span, job, is: works.then_some(Is::Work) }
    }

    /// The thread of the span above waits, and it begins and joins the fan-out.
    fn handed_over(&mut self, interval: Interval, around: Option<Open>) -> Option<Open> {
        let parent = self.run.fans[interval.ix as usize].parent?;
        let around = around.filter(|around| around.span == parent)?;
        self.found.hosts[interval.ix as usize] = around.job;
        Some(Open { interval, is: None, ..around })
    }

    /// A wait for a lock needs no delay, since the lock is simulated. Neither does the wait for a fan-out, since its pieces are.
    fn wait(&mut self, interval: Interval, around: Option<Open>) -> Option<Open> {
        let around = around?;
        let wait = &self.run.waits[interval.ix as usize];
        self.found.waiters[interval.ix as usize] = around.job;
        let explained = matches!(wait.cause, WaitCause::Mutex | WaitCause::Read | WaitCause::Write)
            || matches!(around.interval.what, What::Fan | What::HandedOver)
            || around.span == NONE;
        Some(Open { interval, span: around.span, job: around.job, is: (!explained).then_some(Is::Wait) })
    }
}
