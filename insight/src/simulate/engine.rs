//! The simulation: lanes, cores, locks, and the jobs that need them.

use super::lane::{Idle, Lane};
use super::locks::Locks;
use super::plan::{Lanes, Plan, Step};
use super::state::{At, State};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A simulated schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When the last job ended: nanoseconds.
    pub end: u64,
    /// When each job of the plan ended, with its job of the graph.
    pub ends: Vec<(u32, u64)>,
    /// How often jobs waited for each other in a circle, so that one of them was let through: 0 in a run whose records are whole.
    pub forced: u64,
}

/// Simulates a plan on lanes. In pools that `steals` names, a job goes on only on the lane where it waited.
#[must_use]
pub fn run(plan: &Plan, lanes: &Lanes, steals: &[bool]) -> Schedule {
    let mut engine = Engine::new(plan, lanes, steals);
    engine.start();
    engine.work_off();
    Schedule { end: engine.now, ends: engine.ends, forced: engine.forced }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The part on a CPU ended: the core is free.
    OffCpu(u32),
    /// The node ended.
    Done(u32),
    /// A lock came from another job.
    Taken(u32),
}

struct Engine<'a> {
    plan: &'a Plan,
    steals: &'a [bool],
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    posted: u64,
    jobs: Vec<State>,
    waits_for: Vec<u32>,
    lanes: Vec<Lane>,
    /// For each pool: idle lanes, those with nothing below first.
    idle: Vec<Idle>,
    /// For each pool: lanes that were never used, which aren't made before they are needed.
    unused: Vec<u32>,
    queues: Vec<BinaryHeap<Reverse<(u64, u32)>>>,
    free_cores: Option<u32>,
    core_queue: BinaryHeap<Reverse<(u64, u32)>>,
    locks: Locks,
    /// Jobs that can go on now.
    going: Vec<u32>,
    /// Pools in which a lane or a job is new.
    changed: Vec<u32>,
    ends: Vec<(u32, u64)>,
    left: usize,
    forced: u64,
}

impl<'a> Engine<'a> {
    fn new(plan: &'a Plan, lanes: &Lanes, steals: &'a [bool]) -> Self {
        let unused = plan.sizes(lanes);
        let state =
            |first| State { node: first, at: At::Waiting, lane: None, below: false, blocked: false, home: None };
        Self {
            plan,
            steals,
            now: 0,
            events: BinaryHeap::new(),
            posted: 0,
            jobs: plan.jobs.iter().map(|job| state(job.first)).collect(),
            waits_for: plan.nodes.iter().map(|node| node.waits_for).collect(),
            lanes: Vec::new(),
            idle: vec![Idle::default(); unused.len()],
            queues: (0..unused.len()).map(|_| BinaryHeap::new()).collect(),
            unused,
            free_cores: lanes.cores.map(|cores| cores.max(1)),
            core_queue: BinaryHeap::new(),
            locks: Locks::new(plan),
            going: Vec::new(),
            changed: Vec::new(),
            ends: Vec::with_capacity(plan.jobs.len()),
            left: plan.jobs.len(),
            forced: 0,
        }
    }

    fn start(&mut self) {
        self.going = (0..self.jobs.len() as u32).rev().collect();
    }

    fn work_off(&mut self) {
        loop {
            self.settle();
            match self.events.pop() {
                Some(Reverse((at, _, event))) => {
                    self.now = at;
                    self.happen(event);
                    while let Some(Reverse((_, _, event))) = self.events.peek().copied().filter(|e| e.0 .0 == at) {
                        self.events.pop();
                        self.happen(event);
                    }
                }
                None if self.left > 0 && self.unlock() => {}
                None => return,
            }
        }
    }

    /// Lets all jobs go on that can at this time.
    fn settle(&mut self) {
        loop {
            while let Some(job) = self.going.pop() {
                self.go(job);
            }
            let Some(pool) = self.changed.pop() else { return };
            self.give_lanes(pool);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::OffCpu(job) => {
                self.release_core();
                let node = self.plan.nodes[self.jobs[job as usize].node as usize];
                self.post(node.off, Event::Done(job));
            }
            Event::Done(job) => {
                self.complete(job);
                self.going.push(job);
            }
            Event::Taken(job) => self.going.push(job),
        }
    }

    fn complete(&mut self, job: u32) {
        let node = self.jobs[job as usize].node;
        for (next, lock) in self.locks.release(job, node) {
            match self.plan.hand_off(lock) {
                0 => self.going.push(next),
                after => self.post(after, Event::Taken(next)),
            }
        }
        self.pass(job);
    }

    fn post(&mut self, after: u64, event: Event) {
        self.posted += 1;
        self.events.push(Reverse((self.now + after, self.posted, event)));
    }

    /// The job's present node has ended: moves on, and lets go what waited for it.
    fn pass(&mut self, job: u32) {
        let State { node, lane, .. } = self.jobs[job as usize];
        self.jobs[job as usize].node += 1;
        for ix in 0..self.plan.edges_from(node).len() {
            let to = self.plan.edges_from(node)[ix].1;
            let left = &mut self.waits_for[to as usize];
            *left = left.saturating_sub(1);
            let other = self.plan.job_of[to as usize];
            let state = &mut self.jobs[other as usize];
            if *left == 0 && state.node == to && state.blocked {
                (state.blocked, state.home) = (false, lane);
                self.going.push(other);
            }
        }
    }

    /// Runs a job on until it ends or has to wait.
    fn go(&mut self, job: u32) {
        loop {
            let state = self.jobs[job as usize];
            if state.node >= self.plan.jobs[job as usize].end {
                return self.end(job);
            }
            let node = self.plan.nodes[state.node as usize];
            if self.waits_for[state.node as usize] > 0 {
                return self.block(job, node.step);
            }
            if state.below && !self.come_back(job) {
                return;
            }
            match node.step {
                Step::Marker | Step::Signal | Step::TiedJoin => self.pass(job),
                Step::Delay => {
                    self.leave(job);
                    return self.post(node.length(), Event::Done(job));
                }
                Step::Part(pool) if !self.part(job, pool) => return,
                Step::Part(_) => self.complete(job),
            }
        }
    }

    fn end(&mut self, job: u32) {
        if self.jobs[job as usize].at != At::Done {
            self.jobs[job as usize].at = At::Done;
            self.leave(job);
            self.ends.push((self.plan.jobs[job as usize].origin, self.now));
            self.left -= 1;
        }
    }

    /// The job waits for others: its lane does something else.
    fn block(&mut self, job: u32, step: Step) {
        let state = &mut self.jobs[job as usize];
        state.blocked = true;
        let Some(lane) = state.lane.filter(|_| !state.below) else { return };
        let pool = self.lanes[lane as usize].pool;
        if step == Step::TiedJoin && self.steals.get(pool as usize).is_some_and(|steals| *steals) {
            self.jobs[job as usize].below = true;
            self.lanes[lane as usize].below.push(job);
            self.set_idle(lane);
        } else {
            self.leave(job);
        }
    }

    /// Takes the lane back below whose work the job waits, if that has ended.
    fn come_back(&mut self, job: u32) -> bool {
        let Some(lane) = self.jobs[job as usize].lane else { return true };
        let row = &self.lanes[lane as usize];
        if row.busy || row.below.last() != Some(&job) {
            self.jobs[job as usize].at = At::Tied;
            return false;
        }
        self.set_busy(lane);
        self.lanes[lane as usize].below.pop();
        let state = &mut self.jobs[job as usize];
        (state.below, state.at) = (false, At::Waiting);
        true
    }

    /// Runs a part, as soon as there is a lane, then the locks, then a core. True: it has ended, since it takes no time.
    fn part(&mut self, job: u32, pool: u32) -> bool {
        let state = self.jobs[job as usize];
        let node = self.plan.nodes[state.node as usize];
        let lane = state.lane.filter(|lane| self.lanes[*lane as usize].pool == pool);
        if lane.is_none() {
            self.leave(job);
            self.jobs[job as usize].at = At::Queued;
            self.queues[pool as usize].push(Reverse((node.rank, job)));
            self.changed.push(pool);
        } else if self.locks.take(job, state.node) {
            if node.length() == 0 {
                return true;
            }
            self.take_core(job);
        }
        false
    }

    fn take_core(&mut self, job: u32) {
        let node = self.plan.nodes[self.jobs[job as usize].node as usize];
        match &mut self.free_cores {
            Some(0) if node.on > 0 => self.core_queue.push(Reverse((node.rank, job))),
            Some(free) if node.on > 0 => {
                *free -= 1;
                self.post(node.on, Event::OffCpu(job));
            }
            _ => self.post(node.length(), Event::Done(job)),
        }
    }

    fn release_core(&mut self) {
        if let Some(free) = &mut self.free_cores {
            *free += 1;
        }
        if let Some(Reverse((_, job))) = self.core_queue.pop() {
            self.take_core(job);
        }
    }

    /// The job releases its lane.
    fn leave(&mut self, job: u32) {
        let state = &mut self.jobs[job as usize];
        if state.below {
            return;
        }
        if let Some(lane) = state.lane.take() {
            self.set_idle(lane);
        }
    }

    fn set_idle(&mut self, lane: u32) {
        let row = &mut self.lanes[lane as usize];
        row.busy = false;
        self.idle[row.pool as usize].insert((row.below.len(), lane));
        self.changed.push(row.pool);
        if let Some(top) = row.below.last().copied().filter(|top| self.jobs[*top as usize].at == At::Tied) {
            self.jobs[top as usize].at = At::Waiting;
            self.going.push(top);
        }
    }

    fn set_busy(&mut self, lane: u32) {
        let row = &mut self.lanes[lane as usize];
        self.idle[row.pool as usize].remove((row.below.len(), lane));
        row.busy = true;
    }

    /// Gives the idle lanes of a pool to its jobs that are ready, the earliest first.
    fn give_lanes(&mut self, pool: u32) {
        while let Some(Reverse((_, job))) = self.queues[pool as usize].peek().copied() {
            let home = self.jobs[job as usize].home.filter(|home| self.is_idle(*home, pool));
            let Some(lane) = home.or_else(|| self.idle_lane(pool)) else { return };
            self.queues[pool as usize].pop();
            self.set_busy(lane);
            let state = &mut self.jobs[job as usize];
            (state.lane, state.at) = (Some(lane), At::Waiting);
            self.go(job);
            while let Some(job) = self.going.pop() {
                self.go(job);
            }
        }
    }

    fn is_idle(&self, lane: u32, pool: u32) -> bool {
        let row = &self.lanes[lane as usize];
        row.pool == pool && !row.busy
    }

    fn idle_lane(&mut self, pool: u32) -> Option<u32> {
        let first = self.idle[pool as usize].first();
        if let Some((0, lane)) = first {
            return Some(lane);
        }
        if self.unused[pool as usize] > 0 {
            self.unused[pool as usize] -= 1;
            let lane = self.lanes.len() as u32;
            self.lanes.push(Lane { pool, busy: false, below: Vec::new() });
            self.idle[pool as usize].insert((0, lane));
            return Some(lane);
        }
        first.map(|(_, lane)| lane)
    }

    /// Nothing runs, and jobs are left: they wait for each other. Lets one of them through.
    fn unlock(&mut self) -> bool {
        self.forced += 1;
        let tied = (0..self.jobs.len()).find(|job| self.jobs[*job].at == At::Tied);
        if let Some(job) = tied {
            self.untie(job as u32);
        } else if let Some(job) = self.locks.force() {
            self.going.push(job);
        } else if let Some(job) = (0..self.jobs.len()).find(|job| self.jobs[*job].blocked) {
            let node = self.jobs[job].node;
            self.waits_for[node as usize] = 0;
            self.jobs[job].blocked = false;
            self.going.push(job as u32);
        } else {
            return false;
        }
        true
    }

    fn untie(&mut self, job: u32) {
        let state = &mut self.jobs[job as usize];
        (state.at, state.below) = (At::Waiting, false);
        if let Some(lane) = state.lane.take() {
            let row = &mut self.lanes[lane as usize];
            if !row.busy {
                self.idle[row.pool as usize].remove((row.below.len(), lane));
            }
            row.below.retain(|below| *below != job);
            if !row.busy {
                self.idle[row.pool as usize].insert((row.below.len(), lane));
            }
        }
        self.going.push(job);
    }
}
