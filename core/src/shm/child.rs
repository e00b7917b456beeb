//! The child's side of a region: it takes the place of the tracer's own memory.

use super::layout::{
    names_range, Layout, Parts, Word, ATTACHED, FINGERPRINT, FINISHED, FREE, MAGIC, STRAY_WORDS, VERSION,
};
use super::{texts, AttachError, Mapping};
use crate::mapping::Mapped;
use crate::shard::{Block, Budget, Head, Ids, Shard};
use crate::sync::{AtomicU64, Ordering};
use crate::sys;
use crate::wire::StrayEnd;
use std::mem::size_of;
use std::sync::atomic::fence;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The low 40 bits of an id, in which a shard counts up. Above them are 8 bits for the shard and 16 for the region.
pub(super) const ID_FIELD: u64 = (1 << 40) - 1;
/// How often a process that waits for its parent checks.
const LOOK: Duration = Duration::from_millis(1);

/// A region that this process has attached to: its tracer records into it, and its parent's collector reads it.
///
/// Attaching is exclusive and permanent: a region can be attached only once, even by the same process.
#[derive(Debug)]
pub struct Attachment {
    mapped: Arc<Mapped>,
    layout: Layout,
    /// The id of the process that made the region.
    parent: u32,
}

impl Attachment {
    /// The longest name in a region's dictionary, in bytes: a bound on what the parent must copy.
    pub(crate) const MAX_NAME_BYTES: usize = 4096;

    /// Attaches this process to the region in a mapping, if the parent that made it gave it this nonce.
    ///
    /// # Errors
    /// The memory is not a region of this version and layout, the nonce is another one, or a process has attached
    /// already.
    pub fn attach(mapping: Box<dyn Mapping>, nonce: u64) -> Result<Self, AttachError> {
        let mapped = Arc::new(Mapped::new(mapping));
        let parts = Parts::of(&mapped).ok_or(AttachError::NotARegion)?;
        if parts.get(Word::Magic) != MAGIC {
            return Err(AttachError::NotARegion);
        }
        let found = parts.get(Word::Version);
        if found != VERSION {
            return Err(AttachError::Version { found, expected: VERSION });
        }
        let layout = Layout::read(parts.header).filter(|layout| {
            let bytes = layout.bytes();
            parts.get(Word::Layout) == FINGERPRINT && parts.get(Word::Bytes) == bytes as u64 && mapped.len() >= bytes
        });
        let layout = layout.ok_or(AttachError::Layout)?;
        if parts.get(Word::Nonce) != nonce {
            return Err(AttachError::Nonce);
        }
        let heir = parts.word(Word::Heir).load(Ordering::Acquire);
        if heir != 0 && heir != u64::from(std::process::id()) {
            return Err(AttachError::Heir);
        }
        let state = u64::from(std::process::id()) << 32 | ATTACHED;
        let taken = parts.word(Word::State).compare_exchange(FREE, state, Ordering::AcqRel, Ordering::Acquire);
        taken.map_err(|state| AttachError::Taken { by: (state >> 32) as u32 })?;
        let parent = parts.get(Word::Parent) as u32;
        Ok(Self { mapped, layout, parent })
    }

    fn parts(&self) -> Parts<'_> {
        match Parts::of(&self.mapped) {
            Some(parts) => parts,
            // `attach` has read them.
            None => unreachable!("a mapping never gets shorter"),
        }
    }

    /// Whether this process started the span with this id.
    pub(crate) fn owns(&self, span: u64) -> bool {
        span >> 48 == self.parts().get(Word::Prefix)
    }

    /// Wakes the parent.
    pub(crate) fn ring(&self) {
        self.mapped.ring();
    }

    /// Whether the parent has ended: then this process has another one. A test may attach to its own region, which has no
    /// parent. Cost: a system call.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.parent != sys::parent_id() && self.parent != sys::process_id()
    }

    /// Whether the parent's tracer has finished.
    pub(crate) fn is_closed(&self) -> bool {
        self.parts().word(Word::Closed).load(Ordering::Acquire) != 0
    }

    /// The clock that the parent's tracer uses.
    pub(crate) fn clock(&self) -> u8 {
        self.parts().get(Word::Clock) as u8
    }

    /// One more shard; `None` if there are no more, no memory is left, or the parent's tracer has finished. One caller at
    /// a time.
    pub(crate) fn next_shard(&self, seed: u64) -> Option<Shard> {
        let parts = self.parts();
        let index = parts.get(Word::Shards);
        if index >= self.layout.max_shards || self.is_closed() {
            return None;
        }
        let at = self.layout.shard_at(index);
        let sizes = self.layout.sizes();
        // The writer commits the words of a ring as it needs them; those of a small ring are all in use at once.
        let end = if sizes.is_elastic() { at + size_of::<Head>() } else { self.layout.shard_at(index + 1) };
        self.mapped.commit(at..end).ok()?;
        let block = Block::in_mapping(&self.mapped, at, sizes.words_bytes())?;
        let prefix = parts.get(Word::Prefix) << 48 | index << 40;
        let ids = Ids { first: prefix | seed & ID_FIELD, field: ID_FIELD };
        let budget = Arc::new(RegionBudget { mapped: Arc::clone(&self.mapped), most: parts.get(Word::RingsMost) });
        let shard = Shard::over(block, sizes, self.clock(), ids, budget);
        // Either the parent, which closes the counted shards, sees this count, or this process sees that the parent has
        // finished.
        parts.word(Word::Shards).store(index + 1, Ordering::Release);
        fence(Ordering::SeqCst);
        (!self.is_closed()).then_some(shard)
    }

    /// Adds the next name to the region's dictionary, and returns whether there was room. One caller at a time.
    pub(crate) fn add_name(&self, name: &str) -> bool {
        let parts = self.parts();
        let at = parts.get(Word::Names) as usize;
        let end = at + texts::words_of(name);
        let fits = name.len() <= Self::MAX_NAME_BYTES && end <= parts.names.len();
        if !fits || self.mapped.commit(names_range(at, end)).is_err() || texts::push(parts.names, at, name).is_none() {
            return false;
        }
        parts.word(Word::Names).store(end as u64, Ordering::Release);
        true
    }

    /// Writes this process's resource. Attributes that don't fit are left out.
    pub(crate) fn set_resource<'a>(&self, attributes: impl Iterator<Item = (&'a str, &'a str)>) {
        let parts = self.parts();
        let mut at = 0;
        for (key, value) in attributes {
            let pair = texts::push(parts.resource, at, key).and_then(|at| texts::push(parts.resource, at, value));
            at = pair.unwrap_or(at);
        }
        parts.word(Word::Resource).store(at as u64, Ordering::Release);
    }

    /// The offset of a shard's head.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn shard_at(&self, index: u64) -> usize {
        self.layout.shard_at(index)
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    pub(crate) fn ring_bytes(&self) -> u64 {
        self.layout.ring_bytes
    }

    /// Counts a span that was started on a thread without a shard.
    pub(crate) fn count_unplaced(&self) {
        self.parts().word(Word::Unplaced).fetch_add(1, Ordering::Relaxed);
    }

    /// Writes an end that found no room in a shard, and returns whether there was a place for it.
    pub(crate) fn stray(&self, end: &StrayEnd) -> bool {
        let parts = self.parts();
        // Starts at a place that depends on the span's id, so that collisions between threads are rare.
        let places = parts.strays.len() / STRAY_WORDS;
        let first = (end.span >> 1) as usize % places;
        let done = (first..places).chain(0..first).any(|place| put(&parts.strays[place * STRAY_WORDS..], end));
        if done {
            parts.word(Word::Strays).fetch_add(1, Ordering::Release);
            self.ring();
        }
        done
    }

    /// Each shard and the position up to which it is written.
    fn written(&self) -> Vec<(u64, Block)> {
        let shards = self.parts().word(Word::Shards).load(Ordering::Acquire);
        let block = |index| Block::in_mapping(&self.mapped, self.layout.shard_at(index), 8);
        (0..shards).filter_map(block).map(|block| (block.head().written.position(), block)).collect()
    }

    /// How many shards have something that the parent has not read.
    pub(crate) fn unread(&self) -> usize {
        unread(&self.written())
    }

    /// Waits until the parent has read everything published before this call, at most for `timeout` and while it can. The
    /// error is the number of shards that are not read by then.
    pub(crate) fn wait_until_read(&self, timeout: Duration) -> Result<(), usize> {
        let start = Instant::now();
        let written = self.written();
        loop {
            let waiting = unread(&written);
            if waiting == 0 {
                return Ok(());
            }
            if start.elapsed() >= timeout || self.is_closed() || self.is_orphaned() {
                return Err(waiting);
            }
            self.ring();
            std::thread::sleep(LOOK);
        }
    }

    /// Tells the parent that nothing more is recorded.
    pub(crate) fn finish(&self) {
        let state = u64::from(std::process::id()) << 32 | FINISHED;
        self.parts().word(Word::State).store(state, Ordering::Release);
        self.ring();
    }
}

/// The bytes of the rings in the region's header.
#[derive(Debug)]
struct RegionBudget {
    mapped: Arc<Mapped>,
    most: u64,
}

impl Budget for RegionBudget {
    fn used(&self) -> &AtomicU64 {
        match Parts::of(&self.mapped) {
            Some(parts) => parts.word(Word::RingsUsed),
            // `attach` has read them.
            None => unreachable!("a mapping never gets shorter"),
        }
    }

    fn most(&self) -> u64 {
        self.most
    }
}

/// How many of these shards the parent has not read up to these positions.
fn unread(written: &[(u64, Block)]) -> usize {
    let is_unread = |(head, block): &&(u64, Block)| block.head().read.tail.load(Ordering::Acquire) < *head;
    written.iter().filter(is_unread).count()
}

/// The states of a place for a stray end.
pub(super) mod place {
    pub(in crate::shm) const EMPTY: u64 = 0;
    pub(in crate::shm) const TAKEN: u64 = 1;
    pub(in crate::shm) const FULL: u64 = 2;
}

/// Writes an end into a place, if it is empty.
fn put(words: &[AtomicU64], end: &StrayEnd) -> bool {
    let [state, span, tick, marks, ..] = words else { return false };
    if state.compare_exchange(place::EMPTY, place::TAKEN, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return false;
    }
    span.store(end.span, Ordering::Relaxed);
    tick.store(end.tick, Ordering::Relaxed);
    marks.store(u64::from(end.flags) | u64::from(end.dropped) << 32, Ordering::Relaxed);
    state.store(place::FULL, Ordering::Release);
    true
}
