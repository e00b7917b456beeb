//! What depends on what: markers in jobs, and links between them.

use super::ready::Ready;
use super::sweep::{Found, NewJob, Origin, Presence};
use super::{NodeKind, NONE};
use crate::model::{FanIx, Run, SpanIx, Stage, StageKind, Wait, WaitCause};
use std::collections::HashMap;

/// A point of a job that another job depends on, or that depends on another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    pub(super) job: u32,
    pub(super) at: u64,
    pub(super) kind: NodeKind,
    pub(super) span: SpanIx,
}

/// One end of a link.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Marker(u32),
    First(u32),
    Last(u32),
}

/// Markers and links.
#[derive(Default)]
pub(super) struct Edges {
    pub(super) markers: Vec<Marker>,
    pub(super) links: Vec<(End, End)>,
    /// For jobs that begin at a time of their own: the delay before them, from and to.
    pub(super) arrivals: Vec<(u32, u64, u64)>,
}

/// Which spans' presences are needed to find the edges.
pub(super) fn needed(run: &Run) -> Vec<bool> {
    let mut needed = vec![false; run.spans.len()];
    let parents = run.spans.iter().filter(|span| span.fan().is_none()).filter_map(|span| span.parent());
    let fans = run.fans.iter().filter_map(|fan| fan.parent);
    let releasers = run.waits.iter().filter_map(|wait| wait.releaser);
    let submitters = run.stages.iter().filter_map(|stage| stage.by);
    for span in parents.chain(fans).chain(releasers).chain(submitters) {
        needed[span as usize] = true;
    }
    needed
}

/// Finds the edges. May add jobs.
pub(super) fn find(run: &Run, found: &mut Found<'_>, ready: &Ready, pooled: impl Fn(u32) -> bool) -> Edges {
    found.presences.sort_unstable_by_key(|p| (p.span, p.start, p.job));
    let mut edges = Edges::default();
    let forks = edges.fans(run, found);
    let submitted = run.stages.iter().filter(|stage| stage.kind == StageKind::Submitted);
    let submitted = submitted.map(|stage| (stage.span, stage)).collect();
    let known = Known { run, found, ready, submitted };
    let mut roots = Vec::new();
    for (ix, job) in (0..).zip(&found.jobs) {
        let by = known.submitted.get(&job.span).and_then(|stage| stage.by);
        let placed = match (job.origin, by) {
            (Origin::Fan(fan), _) => edges.piece(run, ix, job, fan, &forks),
            (_, Some(by)) => edges.start(&known, ix, by).is_some(),
            (Origin::Child(parent), None) => edges.child(&known, ix, parent),
            (Origin::Root, None) => false,
        };
        if !placed {
            roots.push(ix);
        }
    }
    edges.roots(&known, &roots, pooled);
    edges.waits(run, found);
    edges
}

/// What the edges of a job are found from.
struct Known<'a> {
    run: &'a Run,
    found: &'a Found<'a>,
    ready: &'a Ready,
    /// When the span of a job was submitted.
    submitted: HashMap<SpanIx, &'a Stage>,
}

impl Edges {
    fn mark(&mut self, job: u32, at: u64, kind: NodeKind, span: SpanIx) -> u32 {
        self.markers.push(Marker { job, at, kind, span });
        self.markers.len() as u32 - 1
    }

    /// Marks begin and join of each fan-out in the job that hosts it.
    fn fans(&mut self, run: &Run, found: &mut Found<'_>) -> Vec<(u32, u32)> {
        let mut around = Around::new(run);
        let mut forks = vec![(NONE, NONE); run.fans.len()];
        for (ix, fan) in (0..).zip(&run.fans) {
            let Some(parent) = fan.parent else { continue };
            let mut host = found.hosts[ix as usize];
            if host == NONE {
                if let Some(outer) = fan.within.or_else(|| around.fan(run, ix)) {
                    host = found.jobs.len() as u32;
                    let (start, end) = (fan.begin, fan.join.unwrap_or(fan.begin));
                    found.jobs.push(NewJob { origin: Origin::Fan(outer), span: parent, lane: fan.lane, start, end });
                } else if let Some(presence) = position(&found.presences, parent, fan.begin, NONE, ix) {
                    host = presence.job;
                } else {
                    continue;
                }
            }
            let fork = self.mark(host, fan.begin, NodeKind::Fork, parent);
            let join = fan.join.filter(|join| *join > fan.begin).map_or(NONE, |join| {
                let kind = if fan.blocks { NodeKind::BlockedJoin } else { NodeKind::Join };
                self.mark(host, join, kind, parent)
            });
            forks[ix as usize] = (fork, join);
        }
        forks
    }

    fn piece(&mut self, run: &Run, ix: u32, job: &NewJob, fan: FanIx, forks: &[(u32, u32)]) -> bool {
        let (fork, join) = forks[fan as usize];
        let row = &run.fans[fan as usize];
        if fork == NONE || job.start < row.begin || self.markers[fork as usize].job == ix {
            return false;
        }
        self.links.push((End::Marker(fork), End::First(ix)));
        if join != NONE && row.join.is_some_and(|join| job.end <= join) {
            self.links.push((End::Last(ix), End::Marker(join)));
        }
        true
    }

    /// A job follows the span that submitted or started it. That one goes on.
    fn start(&mut self, known: &Known<'_>, ix: u32, from: SpanIx) -> Option<()> {
        let Known { run, found, ready, .. } = *known;
        let job = &found.jobs[ix as usize];
        let submitted = known.submitted.get(&job.span).map(|stage| (stage.lane, stage.at));
        let earliest = run.spans[from as usize].start;
        let at_start = || (NONE, ready.at(job.lane, job.start).max(earliest).min(job.start));
        let (lane, at) = submitted.filter(|(_, at)| *at <= job.start).unwrap_or_else(at_start);
        let host = position(&found.presences, from, at, lane, NONE).filter(|host| host.job != ix)?;
        let spawn = self.mark(host.job, at, NodeKind::Spawn, from);
        self.links.push((End::Marker(spawn), End::First(ix)));
        Some(())
    }

    /// As [`start`](Self::start), and its parent goes on when it has ended, if it ended inside.
    fn child(&mut self, known: &Known<'_>, ix: u32, parent: SpanIx) -> bool {
        if self.start(known, ix, parent).is_none() {
            return false;
        }
        let Known { run, found, .. } = *known;
        let (job, row) = (&found.jobs[ix as usize], &run.spans[parent as usize]);
        let end = run.spans[job.span as usize].end.max(job.end);
        if end <= row.end && job.start < end {
            if let Some(host) = position(&found.presences, parent, end, NONE, NONE).filter(|host| host.job != ix) {
                let mark = self.mark(host.job, end, NodeKind::ChildEnd, parent);
                self.links.push((End::Last(ix), End::Marker(mark)));
            }
        }
        true
    }

    /// Roots of one thread outside of pools follow each other. The others arrive when a thread was ready for them.
    fn roots(&mut self, known: &Known<'_>, roots: &[u32], pooled: impl Fn(u32) -> bool) {
        let Known { run, found, ready, .. } = *known;
        let mut by_lane: Vec<u32> = roots.to_vec();
        by_lane.sort_unstable_by_key(|ix| (found.jobs[*ix as usize].lane, found.jobs[*ix as usize].start, *ix));
        let mut before: Option<u32> = None;
        for ix in by_lane {
            let job = found.jobs[ix as usize];
            let previous = before.map(|b| (b, found.jobs[b as usize])).filter(|(_, previous)| {
                previous.lane == job.lane && job.lane != NONE && !pooled(job.lane) && previous.end <= job.start
            });
            match previous {
                Some((previous, row)) => {
                    self.arrivals.push((ix, row.end, job.start));
                    self.links.push((End::Last(previous), End::First(ix)));
                }
                None if job.lane != NONE && pooled(job.lane) => {
                    let at = ready.at(job.lane, job.start).max(run.window.start).min(job.start);
                    self.arrivals.push((ix, run.window.start.min(at), at));
                }
                None => self.arrivals.push((ix, run.window.start.min(job.start), job.start)),
            }
            before = Some(ix);
        }
    }

    /// What waited goes on behind the span that ended the wait. A lock is no dependency: its holders come in any order.
    fn waits(&mut self, run: &Run, found: &Found<'_>) {
        for (wait, waiter) in run.waits.iter().zip(&found.waiters) {
            let lock = matches!(wait.cause, WaitCause::Mutex | WaitCause::Read | WaitCause::Write);
            let Some(releaser) = wait.releaser.filter(|_| !lock && *waiter != NONE) else { continue };
            let at = end_of_wait(run, wait, releaser);
            let from = position(&found.presences, releaser, at, NONE, NONE);
            let Some(from) = from.filter(|from| from.job != *waiter && from.start <= at) else { continue };
            let sent = self.mark(from.job, at, NodeKind::Sent, releaser);
            let received = self.mark(*waiter, at, NodeKind::Received, wait.span.unwrap_or(NONE));
            self.links.push((End::Marker(sent), End::Marker(received)));
        }
    }
}

/// When what waited could go on. A task could when the job had ended, before the poll that got the result began.
fn end_of_wait(run: &Run, wait: &Wait, releaser: SpanIx) -> u64 {
    match wait.cause {
        WaitCause::Await => run.spans[releaser as usize].end.clamp(wait.start.min(wait.end), wait.end),
        _ => wait.end,
    }
}

/// Where a span was at a time: on `lane` if it is given, else in the presence that began last and lasted until then. `not` is a
/// fan-out whose own interval doesn't count.
fn position(presences: &[Presence], span: SpanIx, at: u64, lane: u32, not: FanIx) -> Option<Presence> {
    /// Presences that began before the last one and are looked at, so that a span of very many polls costs no square.
    const BACK: usize = 64;
    let first = presences.partition_point(|p| p.span < span);
    let behind = presences.partition_point(|p| (p.span, p.start) <= (span, at));
    let before = &presences[first..behind.max(first)];
    let counts = |p: &&Presence| not == NONE || p.fan != not;
    let covering = || before.iter().rev().filter(counts).take(BACK).filter(|p| p.end >= at);
    let best = covering().find(|p| p.lane == lane).or_else(|| covering().next());
    best.or_else(|| before.iter().rev().find(counts))
        .or_else(|| presences[first..].iter().take_while(|p| p.span == span).find(counts))
        .copied()
}

/// Finds the fan-out around another one of the same parent, if no strand names it.
struct Around {
    /// Fan-outs by parent and begin.
    by_parent: Vec<FanIx>,
}

impl Around {
    fn new(run: &Run) -> Self {
        let mut by_parent: Vec<FanIx> = (0..run.fans.len() as u32).collect();
        by_parent.sort_unstable_by_key(|ix| {
            let fan = &run.fans[*ix as usize];
            (fan.parent, fan.begin, *ix)
        });
        Self { by_parent }
    }

    fn fan(&mut self, run: &Run, ix: FanIx) -> Option<FanIx> {
        /// How many fan-outs that began before are looked at.
        const BACK: usize = 64;
        let fan = &run.fans[ix as usize];
        let key = |ix: FanIx| (run.fans[ix as usize].parent, run.fans[ix as usize].begin, ix);
        let here = self.by_parent.partition_point(|other| key(*other) < key(ix));
        let before = self.by_parent[..here].iter().rev().take(BACK);
        let same = before.take_while(|other| run.fans[**other as usize].parent == fan.parent);
        same.copied().find(|other| {
            let other = &run.fans[*other as usize];
            other.lane != fan.lane && other.join.is_some_and(|join| join > fan.begin)
        })
    }
}
