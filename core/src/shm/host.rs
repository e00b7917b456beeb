//! The parent's side of a region.

use super::child::{place, ID_FIELD};
use super::layout::{Layout, Parts, Word, ATTACHED, FINGERPRINT, FREE, MAGIC, STRAY_WORDS, VERSION};
use super::{texts, Attachment, Death, HostError, Mapping, RegionReport};
use crate::clock::{self, Clock};
use crate::life::PerProcess;
use crate::mapping::Mapped;
use crate::shard::{Block, Sizes};
use crate::sync::Ordering;
use crate::wire::StrayEnd;
use std::sync::atomic::{fence, AtomicU32, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A moment, in each clock of which a stamp may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) counter: u64,
    pub(crate) ns: u64,
}

impl Moment {
    pub(crate) fn now(clock: &Clock) -> Self {
        Self { counter: clock::counter(), ns: clock.slow_tick() }
    }
}

/// The stages of the end of a region's process.
#[derive(Debug)]
enum Fate {
    Lives,
    Died(Death, u64),
    Closed(RegionReport),
}

/// A region, shared by the collector and its maker's handle.
#[derive(Debug)]
pub(crate) struct Hosted {
    mapped: Arc<Mapped>,
    layout: Layout,
    /// The upper 16 bits of the id of each of its spans.
    prefix: u64,
    born: Moment,
    process: OnceLock<u32>,
    /// Sets the reason why this process kills the child.
    reason: OnceLock<String>,
    fate: Mutex<Fate>,
    changed: Condvar,
}

/// Prefixes count up from a random number, so that collisions are rare between two parents whose children write to the
/// same backend.
fn next_prefix(seed: u64) -> u64 {
    /// Above the 16 bits of a prefix: there is one.
    const STARTED: u32 = 1 << 16;
    static NEXT: PerProcess<AtomicU32> = PerProcess::new();
    let next = NEXT.get();
    let _ = next.compare_exchange(0, STARTED | u32::from(seed as u16), Ordering::Relaxed, Ordering::Relaxed);
    u64::from(next.fetch_add(1, Ordering::Relaxed) as u16)
}

impl Hosted {
    /// The size in bytes of a region with shards of these sizes, and then those with ever smaller rings.
    pub(crate) fn lengths(sizes: Sizes) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(Layout::of(sizes)), |layout| layout.smaller()).map(Layout::bytes)
    }

    /// Makes a region in zeroed memory, whose writers read this clock.
    pub(crate) fn new(
        mapping: Box<dyn Mapping>,
        nonce: u64,
        sizes: Sizes,
        ring_bytes: u64,
        seed: u64,
        clock: u8,
        born: Moment,
    ) -> Result<Self, HostError> {
        let mapped = Arc::new(Mapped::new(mapping));
        let wanted = Layout::of(sizes);
        let layouts = std::iter::successors(Some(wanted), |layout| layout.smaller());
        let layout = layouts.into_iter().find(|layout| layout.bytes() <= mapped.len());
        let short = || HostError::Short { found: mapped.len(), needed: wanted.bytes() };
        let layout = layout.ok_or_else(short)?;
        mapped.commit(0..Layout::first_bytes()).map_err(HostError::Memory)?;
        let parts = Parts::of(&mapped).ok_or(HostError::Unaligned)?;
        let prefix = next_prefix(seed);
        layout.write(parts.header);
        parts.set(Word::Bytes, layout.bytes() as u64);
        parts.set(Word::Nonce, nonce);
        parts.set(Word::Prefix, prefix);
        parts.set(Word::Parent, std::process::id().into());
        parts.set(Word::RingsMost, ring_bytes);
        parts.set(Word::Clock, clock.into());
        parts.set(Word::Layout, FINGERPRINT);
        parts.set(Word::Version, VERSION);
        parts.word(Word::Magic).store(MAGIC, Ordering::Release);
        let fate = Mutex::new(Fate::Lives);
        let process = OnceLock::new();
        Ok(Self { mapped, layout, prefix, born, process, reason: OnceLock::new(), fate, changed: Condvar::new() })
    }

    fn parts(&self) -> Parts<'_> {
        match Parts::of(&self.mapped) {
            Some(parts) => parts,
            // `new` has read them.
            None => unreachable!("a mapping never gets shorter"),
        }
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn started(&self, process_id: u32) {
        let _ = self.process.set(process_id);
    }

    pub(crate) fn set_heir(&self, process_id: u32) {
        self.parts().word(Word::Heir).store(process_id.into(), Ordering::Release);
    }

    pub(crate) fn set_reason(&self, reason: &str) {
        let _ = self.reason.set(reason.to_owned());
    }

    /// The reason why this process killed the child, if it did.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }

    /// The id of the process, once it is known.
    pub(crate) fn process(&self) -> Option<u32> {
        self.process.get().copied()
    }

    pub(crate) fn born(&self) -> Moment {
        self.born
    }

    /// Whether a process has attached.
    pub(crate) fn is_attached(&self) -> bool {
        self.parts().word(Word::State).load(Ordering::Acquire) != FREE
    }

    /// Whether the process that attached has not reported yet that it has finished.
    pub(crate) fn is_recording(&self) -> bool {
        self.parts().word(Word::State).load(Ordering::Acquire) as u32 == ATTACHED as u32
    }

    /// The process has ended: the collector reads what is left, and closes open spans.
    pub(crate) fn died(&self, death: Death, tick: u64) {
        let mut fate = self.fate();
        match *fate {
            Fate::Lives => *fate = Fate::Died(death, tick),
            // This caller knows more than the first one.
            Fate::Died(Death::Unknown, first) => *fate = Fate::Died(death, first),
            Fate::Died(..) | Fate::Closed(_) => {}
        }
    }

    /// How and when the process ended.
    pub(crate) fn death(&self) -> Option<(Death, u64)> {
        match &*self.fate() {
            Fate::Died(death, tick) => Some((*death, *tick)),
            Fate::Lives | Fate::Closed(_) => None,
        }
    }

    /// The collector is done with the region.
    pub(crate) fn close(&self, report: RegionReport) {
        *self.fate() = Fate::Closed(report);
        self.changed.notify_all();
    }

    /// Waits until the collector is done with it.
    pub(crate) fn wait(&self, timeout: Duration) -> Option<RegionReport> {
        let start = Instant::now();
        let mut fate = self.fate();
        loop {
            if let Fate::Closed(report) = &*fate {
                return Some(report.clone());
            }
            let left = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero())?;
            fate = self.changed.wait_timeout(fate, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells every writer that the tracer has finished.
    pub(crate) fn close_to_writers(&self) {
        self.parts().word(Word::Closed).store(1, Ordering::Release);
        fence(Ordering::SeqCst);
        for index in 0..self.shards() {
            if let Some(block) = self.shard(index) {
                block.head().read.closed.store(1, Ordering::Release);
            }
        }
    }

    /// Sets the clock that writers read from their next refill on.
    pub(crate) fn set_clock(&self, clock: u8) {
        self.parts().set(Word::Clock, clock.into());
        let shards = (0..self.shards()).filter_map(|index| self.shard(index));
        shards.for_each(|block| block.head().read.clock.store(clock.into(), Ordering::Relaxed));
    }

    /// How many shards are in use: the child's number, limited to those that there is room for.
    pub(crate) fn shards(&self) -> u64 {
        self.parts().word(Word::Shards).load(Ordering::Acquire).min(self.layout.max_shards)
    }

    pub(crate) fn shard(&self, index: u64) -> Option<Block> {
        Block::in_mapping(&self.mapped, self.layout.shard_at(index), self.layout.sizes().words_bytes())
    }

    /// Returns bytes of rings to the child's budget.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.parts().word(Word::RingsUsed).fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.layout.sizes()
    }

    /// Whether a span with this id can have been started in this region.
    pub(crate) fn owns(&self, span: u64) -> bool {
        span >> 48 == self.prefix
    }

    /// Whether a span with this id can have been started in this shard.
    pub(crate) fn owns_in(&self, span: u64, shard: u64) -> bool {
        span & !ID_FIELD == self.prefix << 48 | shard << 40
    }

    /// The child's count of spans that were started on threads without a shard.
    pub(crate) fn unplaced(&self) -> u64 {
        self.parts().get(Word::Unplaced)
    }

    /// The child's resource, as pairs of texts. `None` until the child has written it.
    pub(crate) fn resource(&self) -> Option<Vec<(String, String)>> {
        let parts = self.parts();
        let end = parts.word(Word::Resource).load(Ordering::Acquire) as usize;
        let mut pairs = Vec::new();
        let mut at = 0;
        while at < end {
            let Some((key, next)) = texts::read(parts.resource, at, end, Attachment::MAX_NAME_BYTES) else { break };
            let Some((value, next)) = texts::read(parts.resource, next, end, Attachment::MAX_NAME_BYTES) else { break };
            pairs.push((key, value));
            at = next;
        }
        (end > 0).then_some(pairs)
    }

    /// The next name of the child's dictionary from word `at` on, and the position behind it. `None` if there is none
    /// yet; an error if it is not a name.
    pub(crate) fn name(&self, at: usize) -> Result<Option<(String, usize)>, NotAName> {
        let parts = self.parts();
        let end = parts.word(Word::Names).load(Ordering::Acquire) as usize;
        if at >= end {
            return Ok(None);
        }
        texts::read(parts.names, at, end, Attachment::MAX_NAME_BYTES).map(Some).ok_or(NotAName)
    }

    /// The child's count of stray ends so far.
    pub(crate) fn strays_so_far(&self) -> u64 {
        self.parts().word(Word::Strays).load(Ordering::Acquire)
    }

    /// Takes all stray ends.
    pub(crate) fn take_strays(&self, mut take: impl FnMut(StrayEnd)) {
        for words in self.parts().strays.chunks_exact(STRAY_WORDS) {
            let [state, span, tick, marks] = words else { continue };
            if state.load(Ordering::Acquire) == place::FULL {
                let marks = marks.load(Ordering::Relaxed);
                let (span, tick) = (span.load(Ordering::Relaxed), tick.load(Ordering::Relaxed));
                state.store(place::EMPTY, Ordering::Release);
                take(StrayEnd { span, tick, flags: marks as u16 & 0xfff, dropped: (marks >> 32) as u32 });
            }
        }
    }
}

/// The words at the position of a name are not a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAName;

/// The regions of a tracer that are not closed.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    all: Mutex<Vec<Arc<Hosted>>>,
    /// Grows whenever one is added.
    version: AtomicU64,
}

impl Hosts {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Hosted>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, region: Arc<Hosted>) {
        self.lock().push(region);
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Hosted>> {
        self.lock().clone()
    }

    pub(crate) fn remove(&self, region: &Arc<Hosted>) {
        self.lock().retain(|known| !Arc::ptr_eq(known, region));
    }

    /// The collector has ended.
    pub(crate) fn abandon(&self) {
        for region in self.lock().drain(..) {
            region.close_to_writers();
            region.close(RegionReport::default());
        }
    }

    /// Tells the writers that the tracer finishes.
    pub(crate) fn close_to_writers(&self) {
        self.lock().iter().for_each(|region| region.close_to_writers());
    }

    pub(crate) fn set_clock(&self, clock: u8) {
        self.lock().iter().for_each(|region| region.set_clock(clock));
    }
}
