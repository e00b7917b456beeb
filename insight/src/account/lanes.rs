//! [`Lanes`]: what each lane did in all, when it was there, and the own time of each span.

use super::samples::{add, Shares, Sum};
use super::strip::{Kind, Strip};
use super::track::{Blocked, Lists, State, Track};
use crate::analysis;
use crate::model::{LaneIx, Run};
use std::ops::Range;

/// What a first look at each lane by itself says.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) table: Vec<analysis::Lane>,
    /// When the first item of a lane begins, and the last one ends, or it last computed outside of spans; empty if there is none,
    /// or if all of them are waits until work of other threads ended: such a thread only watches over others.
    pub(super) presence: Vec<Range<u64>>,
    /// When lanes outside of pools were blocked until other work ended.
    pub(super) blocked: Vec<(Range<u64>, Blocked)>,
    /// Time of each span in which it was the innermost one, without waits.
    pub(super) own_ns: Vec<u64>,
    pub(super) shares: Shares,
    /// Time of all lanes in spans that no sample covers.
    pub(super) unsampled_ns: u64,
}

impl Lanes {
    /// Takes a few steps for each span, and 8 bytes.
    pub(super) fn of(run: &Run, lists: &Lists) -> Self {
        let mut lanes = Self {
            table: Vec::new(),
            presence: Vec::new(),
            blocked: Vec::new(),
            own_ns: vec![0; run.spans.len()],
            shares: Shares::of(run),
            unsampled_ns: 0,
        };
        (0..run.lanes.len() as LaneIx).for_each(|lane| lanes.add(run, lists, lane));
        lanes
    }

    fn add(&mut self, run: &Run, lists: &Lists, lane: LaneIx) {
        let row = &run.lanes[lane as usize];
        let process = &run.processes[row.process as usize];
        let mut sums = analysis::Lane {
            pid: process.pid,
            process: process.name.to_string(),
            thread_id: row.thread_id,
            thread: row.label(),
            pool: row.pool.as_ref().map(|pool| pool.name.to_string()),
            ..analysis::Lane::default()
        };
        let presence = match row.is_known() {
            true => self.walk(run, lists, lane, &mut sums),
            false => 0..0,
        };
        let cpu = self.shares.cpu(lane);
        self.unsampled_ns += sums.working_ns.saturating_sub(cpu.map_or(0, |cpu| cpu.sampled));
        if let Some(cpu) = cpu {
            sums.cpu_ns = Some(cpu.in_spans);
            sums.run_queue_ns = Some(cpu.run_queue);
            sums.untraced_ns = Some(cpu.untraced);
        }
        self.presence.push(presence);
        self.table.push(sums);
    }

    fn walk(&mut self, run: &Run, lists: &Lists, lane: LaneIx, sums: &mut analysis::Lane) -> Range<u64> {
        let is_plain = run.lanes[lane as usize].pool.is_none();
        let (mut track, mut now, mut at) = (Track::<()>::new(run, lists, lane), run.window.start, 0);
        let mut strip = Strip::of(&run.window);
        let first = track.next_time().unwrap_or(now).clamp(run.window.start, run.window.end);
        let (blocked, mut works) = (self.blocked.len(), !is_plain);
        while let Some(time) = track.next_time() {
            let time = time.clamp(now, run.window.end);
            at = self.stretch(sums, &mut strip, lane, track.state(), at, now..time);
            match track.state() {
                State::Join(by) if is_plain && now < time => self.block(now..time, by),
                _ => {}
            }
            works |= matches!(track.state(), State::Working(_)) || track.span().is_some();
            now = time;
            track.step();
        }
        self.stretch(sums, &mut strip, lane, State::Idle, at, now..run.window.end);
        sums.strip = strip.finish();
        let last = now.max(self.shares.computed_until(lane).min(run.window.end));
        if !works {
            self.blocked.truncate(blocked);
            return 0..0;
        }
        first..last
    }

    /// Remembers that a lane was blocked. A stretch that continues the last one is the same.
    fn block(&mut self, time: Range<u64>, by: Blocked) {
        match self.blocked.last_mut() {
            Some((last, known)) if last.end == time.start && *known == by => last.end = time.end,
            _ => self.blocked.push((time, by)),
        }
    }

    /// Counts a stretch of time in one state.
    fn stretch(
        &mut self,
        sums: &mut analysis::Lane,
        strip: &mut Strip,
        lane: LaneIx,
        state: State,
        at: usize,
        time: Range<u64>,
    ) -> usize {
        let length = time.end - time.start;
        if length == 0 {
            return at;
        }
        if let State::Working(Some(span)) = state {
            self.own_ns[span as usize] += length;
        }
        let (sum, kind, part): (_, _, Option<Sum>) = match state {
            State::Idle => (&mut sums.idle_ns, None, Some(|interval| &mut interval.idle_ns)),
            State::Working(_) => (&mut sums.working_ns, Some(Kind::Working), Some(|interval| &mut interval.working_ns)),
            State::Lock(_) => (&mut sums.lock_ns, Some(Kind::Lock), None),
            State::Queue(_) | State::Join(Blocked::Workers) => (&mut sums.queue_ns, Some(Kind::Queue), None),
            State::Join(_) => (&mut sums.join_ns, Some(Kind::Join), None),
            State::Searching => (&mut sums.join_ns, Some(Kind::Join), Some(|interval| &mut interval.searching_ns)),
        };
        *sum += length;
        strip.add(kind, time.clone());
        match part {
            Some(part) => add(self.shares.lane_mut(lane), at, time.start, time.end, part),
            None => at,
        }
    }
}
