//! [`resolve`]: the tables of a run that come from marks.

use super::index::Index;
use super::names::Names;
use super::notes::Found;
use super::raw::{RawMark, NO_TEXT};
use crate::model::{
    Fan, FanIx, FanKind, Hold, Load, Lock, LockIx, LockKind, Poll, PoolPlace, Run, Sample, SpanIx, Stage, StageKind,
    Strand, Wait, WaitCause,
};
use heirloom_core::mark::{self, MarkKind};
use heirloom_core::SpanId;
use std::collections::HashMap;
use std::sync::Arc;

/// Why a mark has no row.
enum Stray {
    /// It refers to a span or a fan-out that isn't in the input.
    Missing,
    /// Its values are invalid, or of a later version.
    Invalid,
}

/// Added to the kind of a fan-out whose thread blocks outside of the pool.
const BLOCKS: u64 = 256;

/// Fills the tables. `fans` has the fan-outs of spans, by their ids.
pub(super) fn resolve(
    run: &mut Run,
    index: &Index,
    mut marks: Vec<RawMark>,
    texts: &Names,
    fans: &[(SpanIx, u64)],
    found: &mut Found,
) {
    marks.sort_unstable();
    // An input that was given twice.
    marks.dedup();
    // Locks have their names, and fan-outs their rows, before anything refers to them.
    let (first, then): (Vec<_>, Vec<_>) = marks
        .into_iter()
        .partition(|mark| matches!(MarkKind::of(mark.kind.into()), Some(MarkKind::Fan | MarkKind::LockName)));
    let mut to = Resolver { run, index, texts, found, fans: HashMap::new(), within: Vec::new(), locks: HashMap::new() };
    first.iter().chain(&then).for_each(|mark| to.mark(mark));
    to.children(fans);
    blocking_awaits(run);
}

/// A span that awaits a job on its own thread, and isn't polled, blocks the thread: it is inside of an executor's `block_on`.
fn blocking_awaits(run: &mut Run) {
    for wait in run.waits.iter_mut().filter(|wait| wait.cause == WaitCause::Await) {
        let span = wait.span.map(|span| &run.spans[span as usize]);
        if span.is_some_and(|span| span.nested && !span.polled && span.lane == wait.lane) {
            wait.cause = WaitCause::Job;
        }
    }
}

/// The span that submitted a background job, if a mark says that.
pub(super) fn submitter(mark: &RawMark) -> Option<SpanId> {
    let submitted = mark.kind == MarkKind::Stage as u8 && mark.a == mark::StageKind::Submitted as u64;
    Some(SpanId::from_u64(mark.c)).filter(|by| submitted && by.is_valid())
}

struct Resolver<'a> {
    run: &'a mut Run,
    index: &'a Index,
    texts: &'a Names,
    found: &'a mut Found,
    fans: HashMap<u64, FanIx>,
    /// Fan-outs, and the ids of those that they are pieces of.
    within: Vec<(FanIx, u64)>,
    /// By process.
    locks: HashMap<(u32, u64), LockIx>,
}

impl Resolver<'_> {
    /// A mark that gets no row is counted. One of a kind of a later version is ignored.
    fn mark(&mut self, mark: &RawMark) {
        let Some(kind) = MarkKind::of(mark.kind.into()) else { return };
        match self.row(kind, mark) {
            Ok(()) => {}
            Err(Stray::Missing) => self.found.stray_marks += 1,
            Err(Stray::Invalid) => self.found.invalid_marks += 1,
        }
    }

    fn row(&mut self, kind: MarkKind, mark: &RawMark) -> Result<(), Stray> {
        let start = mark.time;
        let end = start.saturating_add(mark.length);
        match kind {
            MarkKind::Fan => self.fan(mark)?,
            MarkKind::Join => self.join(mark)?,
            MarkKind::Strand => {
                let fan = *self.fans.get(&mark.a).ok_or(Stray::Missing)?;
                self.run.strands.push(Strand { fan, lane: mark.lane, start, end });
            }
            MarkKind::Wait => self.wait(mark, end)?,
            MarkKind::Hold => {
                let (lock, span) = (self.lock(mark, LockKind::Mutex), self.span(mark.span));
                self.run.holds.push(Hold { lock, lane: mark.lane, span, start, end, contended: mark.a == 1 });
            }
            MarkKind::LockTotals => {
                let lock = self.lock(mark, LockKind::Mutex);
                let lock = &mut self.run.locks[lock as usize];
                lock.short_wait_ns = lock.short_wait_ns.saturating_add(mark.length);
                lock.short_waits = lock.short_waits.saturating_add(mark.a);
                lock.acquisitions = lock.acquisitions.saturating_add(mark.c);
                lock.hand_offs = lock.hand_offs.saturating_add(mark.d);
            }
            MarkKind::LockName => self.lock_name(mark)?,
            MarkKind::Stage => self.stage(mark)?,
            MarkKind::Poll => {
                let span = self.span(mark.span).ok_or(Stray::Missing)?;
                let row = &mut self.run.spans[span as usize];
                (row.polled, row.nested) = (true, false);
                self.run.polls.push(Poll { span, lane: mark.lane, start, end });
            }
            MarkKind::Pool => {
                let number = |value| u32::try_from(value).map_err(|_| Stray::Invalid);
                let (index, size) = (number(mark.a)?, number(mark.c)?);
                let (name, pool) = (self.text(mark), mark.b);
                self.run.lanes[mark.lane as usize].pool = Some(PoolPlace { pool, name, index, size });
            }
            MarkKind::Cpu => {
                let start = start.saturating_sub(mark.length);
                let (cpu_ns, queue_ns) = (mark.a, mark.b);
                self.run.samples.push(Sample { lane: mark.lane, start, end: mark.time, cpu_ns, queue_ns });
            }
            MarkKind::Load => {
                let process = self.run.lanes[mark.lane as usize].process;
                let start = start.saturating_sub(mark.length);
                let RawMark { a: cpu_ns, b: others_ns, c: page_faults, d: recording_ns, time: end, .. } = *mark;
                let load = Load { process, start, end, cpu_ns, others_ns, page_faults, recording_ns, collecting_ns: 0 };
                self.run.loads.push(load);
            }
            MarkKind::Collector => {
                let process = self.run.lanes[mark.lane as usize].process;
                let load =
                    Load { process, start: start.saturating_sub(mark.length), end: mark.time, ..Load::default() };
                self.run.loads.push(Load { collecting_ns: mark.a, ..load });
            }
            MarkKind::Forgotten => {
                self.found.forgotten_marks = self.found.forgotten_marks.saturating_add(mark.a);
            }
        }
        Ok(())
    }

    fn span(&self, id: u64) -> Option<SpanIx> {
        self.index.find(&self.run.spans, SpanId::from_u64(id), None)
    }

    fn text(&self, mark: &RawMark) -> Arc<str> {
        match mark.text {
            NO_TEXT => "".into(),
            text => Arc::clone(self.texts.text(text)),
        }
    }

    fn fan(&mut self, mark: &RawMark) -> Result<(), Stray> {
        let kind = match mark::FanKind::of(mark.b & !BLOCKS).ok_or(Stray::Invalid)? {
            mark::FanKind::Iterator => FanKind::Iterator,
            mark::FanKind::Join => FanKind::Join,
            mark::FanKind::Scope => FanKind::Scope,
            mark::FanKind::Broadcast => FanKind::Broadcast,
            mark::FanKind::Workers => FanKind::Workers,
        };
        let (parent, blocks) = (self.span(mark.span), mark.b & BLOCKS != 0);
        let (id, lane, begin) = (mark.a, mark.lane, mark.time);
        let fan = Fan { id, kind, within: None, parent, lane, begin, join: None, blocks, children: Vec::new() };
        if self.fans.contains_key(&mark.a) {
            return Err(Stray::Invalid);
        }
        let fan = self.add_fan(fan);
        self.within.push((fan, mark.c));
        Ok(())
    }

    fn add_fan(&mut self, fan: Fan) -> FanIx {
        let at = self.run.fans.len() as FanIx;
        self.fans.insert(fan.id, at);
        self.run.fans.push(fan);
        at
    }

    fn join(&mut self, mark: &RawMark) -> Result<(), Stray> {
        let fan = *self.fans.get(&mark.a).ok_or(Stray::Missing)?;
        let fan = &mut self.run.fans[fan as usize];
        fan.join = fan.join.or(Some(mark.time.max(fan.begin)));
        Ok(())
    }

    fn wait(&mut self, mark: &RawMark, end: u64) -> Result<(), Stray> {
        let (cause, kind) = match mark::WaitCause::of(mark.a).ok_or(Stray::Invalid)? {
            mark::WaitCause::Install => (WaitCause::Install, LockKind::Mutex),
            mark::WaitCause::Scope => (WaitCause::Scope, LockKind::Mutex),
            mark::WaitCause::Thread => (WaitCause::Thread, LockKind::Mutex),
            mark::WaitCause::Workers => (WaitCause::Workers, LockKind::Mutex),
            mark::WaitCause::Job => (WaitCause::Job, LockKind::Mutex),
            mark::WaitCause::Full => (WaitCause::Full, LockKind::Channel),
            mark::WaitCause::Empty => (WaitCause::Empty, LockKind::Channel),
            mark::WaitCause::Mutex => (WaitCause::Mutex, LockKind::Mutex),
            mark::WaitCause::Read => (WaitCause::Read, LockKind::RwLock),
            mark::WaitCause::Write => (WaitCause::Write, LockKind::RwLock),
            mark::WaitCause::Condvar => (WaitCause::Condvar, LockKind::Condvar),
            mark::WaitCause::Await => (WaitCause::Await, LockKind::Mutex),
        };
        let lock = (mark.b != 0).then(|| self.lock(mark, kind));
        let [span, holder, releaser] = [mark.span, mark.c, mark.d].map(|id| self.span(id));
        self.run.waits.push(Wait { lane: mark.lane, span, start: mark.time, end, cause, lock, holder, releaser });
        Ok(())
    }

    /// The lock that a mark names by its id. One without a name gets one.
    fn lock(&mut self, mark: &RawMark, kind: LockKind) -> LockIx {
        let process = self.run.lanes[mark.lane as usize].process;
        if let Some(known) = self.locks.get(&(process, mark.b)) {
            return *known;
        }
        self.found.unnamed_locks += 1;
        self.add_lock(process, mark.b, format!("lock {:x}", mark.b).into(), kind)
    }

    fn add_lock(&mut self, process: u32, id: u64, name: Arc<str>, kind: LockKind) -> LockIx {
        let at = self.run.locks.len() as LockIx;
        self.locks.insert((process, id), at);
        let (acquisitions, short_waits, short_wait_ns, hand_offs) = (0, 0, 0, 0);
        self.run.locks.push(Lock { name, kind, acquisitions, short_waits, short_wait_ns, hand_offs });
        at
    }

    fn lock_name(&mut self, mark: &RawMark) -> Result<(), Stray> {
        let kind = match mark::LockKind::of(mark.a).ok_or(Stray::Invalid)? {
            mark::LockKind::Mutex => LockKind::Mutex,
            mark::LockKind::RwLock => LockKind::RwLock,
            mark::LockKind::Condvar => LockKind::Condvar,
            mark::LockKind::Channel => LockKind::Channel,
        };
        let process = self.run.lanes[mark.lane as usize].process;
        // A name is recorded once for each tracer, or by each of two threads that use the lock first.
        if !self.locks.contains_key(&(process, mark.b)) {
            let name = self.text(mark);
            self.add_lock(process, mark.b, name, kind);
        }
        Ok(())
    }

    fn stage(&mut self, mark: &RawMark) -> Result<(), Stray> {
        let kind = match mark::StageKind::of(mark.a).ok_or(Stray::Invalid)? {
            mark::StageKind::Submitted => StageKind::Submitted,
            mark::StageKind::Sent => StageKind::Sent,
            mark::StageKind::Replied => StageKind::Replied,
            mark::StageKind::Taken => StageKind::Taken,
        };
        let span = self.span(mark.span).ok_or(Stray::Missing)?;
        let by = submitter(mark).and_then(|by| self.index.find(&self.run.spans, by, None)).filter(|by| *by != span);
        self.run.stages.push(Stage { span, kind, lane: mark.lane, at: mark.time, by });
        Ok(())
    }

    /// Gives the fan-outs what they are pieces of, and their children. One whose mark is missing is made up from them.
    fn children(&mut self, fans: &[(SpanIx, u64)]) {
        for (fan, id) in std::mem::take(&mut self.within) {
            self.run.fans[fan as usize].within = self.fans.get(&id).copied().filter(|outer| *outer != fan);
        }
        for &(span, id) in fans {
            let row = &self.run.spans[span as usize];
            let (parent, start) = (row.parent(), row.start);
            let fan = match self.fans.get(&id) {
                Some(fan) => *fan,
                None => {
                    self.found.lost_fans += 1;
                    let lane = parent.map_or(row.lane, |parent| self.run.spans[parent as usize].lane);
                    let (kind, begin) = (FanKind::Guessed, start);
                    self.add_fan(Fan {
                        id,
                        within: None,
                        kind,
                        parent,
                        lane,
                        begin,
                        join: None,
                        blocks: false,
                        children: Vec::new(),
                    })
                }
            };
            self.run.spans[span as usize].set_fan(Some(fan));
            let fan = &mut self.run.fans[fan as usize];
            fan.begin = fan.begin.min(start);
            fan.children.push(span);
        }
    }
}
