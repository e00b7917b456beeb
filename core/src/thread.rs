//! What a thread knows: its shard, what is current, its cache of names.
//!
//! The hot state has no destructor, so reading it costs one instruction and works at any time, in a signal handler and
//! while the thread exits. The leases are beside it in a thread-local with a destructor, which gives the shards back.
//!
//! **The slot.** The shard that the thread used last is in the *slot*: the tracer's key, the lease's number and a pointer.
//! Whoever appends *takes* the slot, only then looks whose shard is in it, and puts it back afterwards. So a record
//! inside a record (a signal handler) finds the slot taken, goes the slow way and is refused there, counted; and a
//! handler that puts another tracer's shard into the slot does so before or after an append, never during it.
//!
//! States of a thread (`life`):
//!
//! 1. alive;
//! 2. gone: the destructor ran; whatever still ends goes to the overflow, whatever begins is refused and counted;
//! 3. pipeline: a collector's or exporter's own thread: nothing is recorded on it.
#![allow(unsafe_code)]

use crate::clock;
use crate::context::TracerKey;
use crate::dictionary;
use crate::name::Text;
use crate::shard::{Refused, Shard, Writer};
use crate::tracer::{self, Shared};
use crate::{Context, Name};
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};
use std::sync::atomic::{compiler_fence, AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

/// A lease's number, unique in the process. Zero: no lease.
pub(crate) type Lease = u32;

/// Tracer key (upper half) and lease (lower half) of the shard in the slot.
const fn slot(key: TracerKey, lease: Lease) -> u64 {
    (key as u64) << 32 | lease as u64
}

/// The number of no lease that any thread has.
pub(crate) const NO_LEASE: Lease = u32::MAX - 1;

/// No shard in the slot. Its halves are no key and no lease.
const EMPTY: u64 = slot(u32::MAX, u32::MAX);

const ALIVE: u8 = 0;
const GONE: u8 = 1;
const PIPELINE: u8 = 2;

/// How many names the cache holds: a power of two. A name is in the place that its address says or in the one beside it,
/// so that of the dozens of names that a thread uses hardly two are in each other's way: a miss takes a lock.
const NAMES: usize = 256;

/// How many scopes inside each other are told apart exactly.
const SCOPES: usize = 32;

#[derive(Clone, Copy)]
struct CachedName {
    address: usize,
    length: usize,
    id: u32,
}

impl CachedName {
    #[inline(always)]
    fn is(&self, name: &'static str) -> bool {
        self.address == name.as_ptr() as usize && self.length == name.len()
    }
}

/// The hot state.
pub(crate) struct ThreadState {
    /// Somebody is appending, or changes what is in the slot.
    taken: Cell<bool>,
    slot: Cell<u64>,
    shard: Cell<NonNull<Shard>>,
    tracer: Cell<NonNull<Shared>>,
    pub(crate) current: Cell<Context>,
    /// What is current was handed out since it became so.
    pub(crate) handed_out: Cell<bool>,
    /// How many scopes there are inside each other.
    depth: Cell<u32>,
    /// The number of the next scope.
    next_scope: Cell<u32>,
    /// The number of the scope at each depth.
    scopes: [Cell<u32>; SCOPES],
    life: Cell<u8>,
    random: Cell<u64>,
    names: [Cell<CachedName>; NAMES],
}

thread_local! {
    static STATE: ThreadState = const {
        ThreadState {
            taken: Cell::new(false),
            slot: Cell::new(EMPTY),
            shard: Cell::new(NonNull::dangling()),
            tracer: Cell::new(NonNull::dangling()),
            current: Cell::new(Context::INERT),
            handed_out: Cell::new(false),
            depth: Cell::new(0),
            next_scope: Cell::new(0),
            scopes: [const { Cell::new(0) }; SCOPES],
            life: Cell::new(ALIVE),
            random: Cell::new(0),
            names: [const { Cell::new(CachedName { address: 0, length: 0, id: 0 }) }; NAMES],
        }
    };
    static LEASES: Leases = const { Leases(RefCell::new(Vec::new())) };
}

/// The shards that this thread holds, one for each tracer that it recorded for.
struct Leases(RefCell<Vec<Held>>);

struct Held {
    key: TracerKey,
    lease: Lease,
    shard: Arc<Shard>,
    tracer: Arc<Shared>,
}

/// What the slot is set to.
type Pointers = (u64, NonNull<Shard>, NonNull<Shared>);

impl Held {
    fn pointers(&self) -> Pointers {
        (slot(self.key, self.lease), NonNull::from(&*self.shard), NonNull::from(&*self.tracer))
    }
}

/// The slot while it is taken: what an append works with.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) shard: &'a Shard,
    pub(crate) tracer: &'a Shared,
    pub(crate) lease: Lease,
}

impl Slot<'_> {
    /// Reads the clock.
    pub(crate) fn tick(&self) -> u64 {
        if self.reads_counter() {
            clock::counter()
        } else {
            self.tracer.clock.slow_tick()
        }
    }

    /// Whether the clock is the processor's counter, so that hot paths may read it themselves.
    #[inline(always)]
    pub(crate) fn reads_counter(&self) -> bool {
        self.writer.clock() == clock::COUNTER
    }

    /// Makes room for a record, or says why there is none. Wakes the collector if the shard is a third full.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill(&self, bytes: u64, is_begin: bool) -> Result<(), Refused> {
        if self.writer.is_unannounced() {
            self.tracer.announce_thread(self.shard)?;
        }
        let refill = self.writer.refill(bytes, is_begin);
        if refill.wake {
            self.tracer.wake.wake();
        }
        refill.outcome
    }

    /// Whether a record of this length fits, after a refill if need be.
    #[inline(always)]
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.writer.fits(bytes) || self.refill(bytes, false).is_ok()
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        let state = state();
        state.life.set(GONE);
        state.empty();
        if forked() {
            // The registry's lock may be held for ever, by a thread that only the parent has.
            return std::mem::forget(self.0.take());
        }
        for held in self.0.get_mut().drain(..) {
            held.tracer.registry.give_back(held.shard);
        }
    }
}

/// Why a thread has no shard for a tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShard {
    /// No tracer: none was ever started, or it has finished.
    NoTracer,
    /// A record inside a record.
    Nested,
    /// The thread is exiting.
    ThreadExit,
    /// A collector's or exporter's own thread.
    Pipeline,
    /// No memory for a shard.
    NoMemory,
    /// An update where no span was current.
    NoSpan,
    /// An update for which its thread's shard had no room.
    UpdateLost,
}

/// Records that were refused where no shard could count them. Zero for a whole process's life in most programs.
#[derive(Debug)]
pub(crate) struct Unplaced([AtomicU64; CAUSES]);

/// How many causes there are.
pub(crate) const CAUSES: usize = 7;

pub(crate) static UNPLACED: Unplaced = Unplaced([const { AtomicU64::new(0) }; CAUSES]);

impl Unplaced {
    pub(crate) fn count(&self, why: NoShard) {
        self.add(why, 1);
    }

    pub(crate) fn add(&self, why: NoShard, n: u64) {
        if n > 0 {
            self.0[why as usize].fetch_add(n, Ordering::Relaxed);
        }
    }

    /// All counts, each at the place of its cause.
    pub(crate) fn all(&self) -> [u64; CAUSES] {
        std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed))
    }
}

static NEXT_LEASE: AtomicU32 = AtomicU32::new(1);
static FORKED: AtomicBool = AtomicBool::new(false);

/// Runs in the child of a fork, on the only thread that it has: from here on everything is inert.
pub(crate) extern "C" fn after_fork() {
    FORKED.store(true, Ordering::Relaxed);
    let state = state();
    state.life.set(PIPELINE);
    state.empty();
}

/// Whether this process is the child of a fork: its tracers are its parent's.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// This thread's state. Not a closure's argument, so that hot callers compile to straight code.
#[inline(always)]
pub(crate) fn state() -> &'static ThreadState {
    // SAFETY: the state has no destructor and is initialised by a constant, so it is there for as long as the thread is.
    // A reference to it can't leave the thread, since its cells are not `Sync`.
    STATE.with(|state| unsafe { &*ptr::from_ref(state) })
}

/// Marks this thread as one of the pipeline's own.
pub(crate) fn enter_pipeline() {
    state().life.set(PIPELINE);
}

/// Whether this is a collector's or exporter's thread.
pub(crate) fn in_pipeline() -> bool {
    state().life.get() == PIPELINE && !forked()
}

impl ThreadState {
    /// Whether this tracer's shard is in the slot, and the slot is free. A signal handler may change that at any time.
    pub(crate) fn holds_tracer(&self, key: TracerKey) -> bool {
        !self.taken.get() && (self.slot.get() >> 32) as u32 == key
    }

    /// Whether the shard of this lease is in the slot.
    #[cfg(feature = "async")]
    #[inline(always)]
    pub(crate) fn holds_lease(&self, lease: Lease) -> bool {
        self.slot.get() as u32 == lease
    }

    /// Takes the slot, if it is free and this tracer's shard is in it. Between this and [`put_back`](Self::put_back) the
    /// caller only appends: it doesn't panic, allocate, lock or call foreign code.
    #[inline(always)]
    pub(crate) fn take_tracer(&self, key: TracerKey) -> Option<Slot<'_>> {
        self.take_if(|slot| (slot >> 32) as u32 == key)
    }

    /// The same for the shard of a lease.
    #[inline(always)]
    pub(crate) fn take_lease(&self, lease: Lease) -> Option<Slot<'_>> {
        self.take_if(|slot| slot as u32 == lease)
    }

    /// Takes the slot first and looks at it then: a signal handler in between could put another shard into it.
    #[inline(always)]
    fn take_if(&self, is_right: impl FnOnce(u64) -> bool) -> Option<Slot<'_>> {
        if self.taken.get() {
            return None;
        }
        self.taken.set(true);
        compiler_fence(Ordering::SeqCst);
        if !is_right(self.slot.get()) {
            self.taken.set(false);
            return None;
        }
        Some(self.in_hand())
    }

    /// What is in the slot, which is taken and not empty.
    #[inline(always)]
    fn in_hand(&self) -> Slot<'_> {
        // SAFETY: the pointers always are to something alive: to what this thread's `LEASES` hold, which empty the slot
        // before they let go of it. Nobody asks for an empty slot, so this thread holds the lease and may write.
        let shard = unsafe { &*self.shard.get().as_ptr() };
        // SAFETY: as above.
        let tracer = unsafe { &*self.tracer.get().as_ptr() };
        Slot { writer: shard.writer(), shard, tracer, lease: self.slot.get() as u32 }
    }

    /// Ends an append.
    #[inline(always)]
    pub(crate) fn put_back(&self, _: Slot<'_>) {
        compiler_fence(Ordering::SeqCst);
        self.taken.set(false);
    }

    /// Appends with this tracer's writer: for what is not hot. Its shard was in the slot; a signal handler may have put
    /// another one there since, so it is looked for again.
    pub(crate) fn with_tracer<R>(&self, key: TracerKey, append: impl FnOnce(Slot<'_>) -> R) -> Option<R> {
        let slot = match self.take_tracer(key) {
            Some(slot) => slot,
            None => self.find(key).ok()?,
        };
        let result = append(slot);
        self.put_back(slot);
        Some(result)
    }

    fn empty(&self) {
        self.slot.set(EMPTY);
        self.shard.set(NonNull::dangling());
        self.tracer.set(NonNull::dangling());
    }

    /// Puts this thread's shard for the tracer into the slot; leases one if there is none yet.
    #[cold]
    pub(crate) fn activate(&self, key: TracerKey) -> Result<(), NoShard> {
        self.find(key).map(|slot| self.put_back(slot))
    }

    /// The same, and leaves the slot taken.
    #[cold]
    fn find(&self, key: TracerKey) -> Result<Slot<'_>, NoShard> {
        self.guarded(|| {
            LEASES
                .try_with(|leases| {
                    let mut held = leases.0.try_borrow_mut().map_err(|_| NoShard::Nested)?;
                    if let Some(found) = held.iter().find(|h| h.key == key) {
                        return Ok(found.pointers());
                    }
                    let new = lease(key)?;
                    let found = new.pointers();
                    // Shards of tracers that have finished were kept for spans that were still open.
                    held.retain(|h| !h.tracer.is_closed());
                    held.push(new);
                    Ok(found)
                })
                .unwrap_or(Err(NoShard::ThreadExit))
        })
    }

    /// Puts the shard of a lease into the slot, if this thread holds it.
    #[cold]
    pub(crate) fn activate_lease(&self, lease: Lease) -> Result<(), NoShard> {
        self.guarded(|| {
            LEASES
                .try_with(|leases| {
                    let held = leases.0.try_borrow().map_err(|_| NoShard::Nested)?;
                    let found = held.iter().find(|h| h.lease == lease).ok_or(NoShard::NoTracer)?;
                    Ok(found.pointers())
                })
                .unwrap_or(Err(NoShard::ThreadExit))
        })
        .map(|slot| self.put_back(slot))
    }

    /// Runs the slow path with the slot taken, so that a signal handler can't get into it, and sets the slot to what it
    /// found; to nothing if it found nothing, which is always right. What was found stays taken.
    fn guarded(&self, find: impl FnOnce() -> Result<Pointers, NoShard>) -> Result<Slot<'_>, NoShard> {
        match self.life.get() {
            _ if self.taken.get() => return Err(NoShard::Nested),
            GONE => return Err(NoShard::ThreadExit),
            PIPELINE => return Err(NoShard::Pipeline),
            _ => {}
        }
        self.taken.set(true);
        compiler_fence(Ordering::SeqCst);
        let found = find();
        let (slot, shard, tracer) = found.unwrap_or((EMPTY, NonNull::dangling(), NonNull::dangling()));
        self.shard.set(shard);
        self.tracer.set(tracer);
        self.slot.set(slot);
        if found.is_err() {
            compiler_fence(Ordering::SeqCst);
            self.taken.set(false);
        }
        found.map(|_| self.in_hand())
    }

    /// Makes a context current, in a scope inside those that there are. Returns the scope and what was current before.
    #[inline(always)]
    pub(crate) fn enter_scope(&self, cx: Context) -> (Scope, Context) {
        let outer_handed_out = self.handed_out.replace(false);
        let scope = Scope { depth: self.depth.get(), number: self.next_scope.get(), outer_handed_out };
        self.next_scope.set(scope.number.wrapping_add(1));
        self.depth.set(scope.depth.wrapping_add(1));
        // A signal handler's scopes from here on are inside this one.
        compiler_fence(Ordering::SeqCst);
        if let Some(at) = self.scopes.get(scope.depth as usize) {
            at.set(scope.number);
        }
        (scope, self.current.replace(cx))
    }

    /// Ends a scope and all scopes inside it; does nothing if a scope around it has ended already. Returns whether
    /// somebody may have what was current in it.
    #[inline(always)]
    pub(crate) fn leave_scope(&self, scope: Scope, before: Context) -> bool {
        let is_this = |at: &Cell<u32>| at.get() == scope.number;
        // With scopes inside it that did not end, what is known is about those.
        let handed_out = self.handed_out.get() || self.depth.get() != scope.depth.wrapping_add(1);
        if self.depth.get() > scope.depth && self.scopes.get(scope.depth as usize).map_or(true, is_this) {
            self.depth.set(scope.depth);
            self.current.set(before);
            self.handed_out.set(scope.outer_handed_out);
        }
        handed_out
    }

    /// Whether this thread is in the middle of a record, or in the slow path.
    pub(crate) fn is_nested(&self) -> bool {
        self.taken.get()
    }

    /// The number of a static name, if it is in the cache; else zero.
    #[inline(always)]
    pub(crate) fn cached_name(&self, name: &'static str) -> u32 {
        let home = name_index(name);
        let cached = self.names[home].get();
        if cached.is(name) {
            return cached.id;
        }
        let cached = self.names[home ^ 1].get();
        if cached.is(name) {
            cached.id
        } else {
            0
        }
    }

    /// The number of a static name: from the cache, else from the dictionary. `None` if it must travel inline.
    pub(crate) fn name_id(&self, name: &'static str) -> Option<u32> {
        match self.cached_name(name) {
            0 => self.look_up(name_index(name), name),
            id => Some(id),
        }
    }

    #[cold]
    fn look_up(&self, index: usize, name: &'static str) -> Option<u32> {
        if forked() || self.taken.replace(true) {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        let id = dictionary::id_of(name);
        if let Some(id) = id {
            // What was here moves aside: it still is where it or its neighbour belongs.
            self.names[index ^ 1].set(self.names[index].get());
            self.names[index].set(CachedName { address: name.as_ptr() as usize, length: name.len(), id });
        }
        compiler_fence(Ordering::SeqCst);
        self.taken.set(false);
        id
    }

    /// A random number: wyrand, seeded by the operating system through the standard library's hasher.
    ///
    /// Source: <https://github.com/wangyi-fudan/wyhash>, `wyrand`.
    #[inline]
    pub(crate) fn random(&self) -> u64 {
        let mut state = self.random.get();
        if state == 0 {
            state = seed();
        }
        state = state.wrapping_add(0xa076_1d64_78bd_642f);
        self.random.set(state);
        let product = u128::from(state) * u128::from(state ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }
}

/// Where a static name is in the cache. Its bytes are not looked at: the same text at two addresses has two entries.
#[inline(always)]
fn name_index(name: &'static str) -> usize {
    let spread = (name.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread >> (u64::BITS - NAMES.trailing_zeros())) as usize
}

/// A scope: where it is, and a number that tells it from others that were there before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    depth: u32,
    number: u32,
    /// Whether what was current before had been handed out.
    outer_handed_out: bool,
}

/// Where a name goes: a number, or bytes.
#[derive(Clone, Copy)]
pub(crate) enum Placed<'a> {
    Id(u32),
    Inline(&'a str),
}

impl ThreadState {
    pub(crate) fn place_static<'a>(&self, text: &'static str) -> Placed<'a> {
        match self.name_id(text) {
            Some(id) => Placed::Id(id),
            None => Placed::Inline(cut(text, Name::MAX_BYTES)),
        }
    }

    #[inline(always)]
    pub(crate) fn place<'a>(&self, name: &'a Name<'_>) -> Placed<'a> {
        match &name.0 {
            Text::Static(text) => self.place_static(text),
            Text::Dynamic(text) => Placed::Inline(cut(text, Name::MAX_BYTES)),
        }
    }
}

/// The longest beginning of a text with at most `bytes` bytes that ends at a character boundary.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Never zero.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // A RandomState is seeded by the operating system once per thread; the counter and the process id keep threads and
    // forked processes apart.
    static SEEDS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(SEEDS.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    hasher.finish() | 1
}

/// Leases a shard of the tracer and says whose it is now.
fn lease(key: TracerKey) -> Result<Held, NoShard> {
    let tracer = tracer::find(key).ok_or(NoShard::NoTracer)?;
    let lease = next_lease();
    let why = || if tracer.is_closed() { NoShard::NoTracer } else { NoShard::NoMemory };
    let shard = tracer.registry.lease(tracer.clock_source(), seed).ok_or_else(why)?;
    // Without room for it, the first refill that finds some does it.
    let _ = tracer.announce_thread(&shard);
    Ok(Held { key, lease, shard, tracer })
}

fn next_lease() -> Lease {
    loop {
        let lease = NEXT_LEASE.fetch_add(1, Ordering::Relaxed);
        if lease != 0 && lease < NO_LEASE {
            return lease;
        }
    }
}
