//! Tests of regions without separate processes, or with processes that are only forked: memory that both sides share, and
//! a writer that can break the rules.
#![allow(unsafe_code)]

mod record;

pub use record::{RawName, RawRecord};

use crate::clock;
use crate::export::SpanData;
use crate::random::seed;
use crate::shard::Shard;
use crate::shm::{AttachError, Attachment, Mapping};
use crate::wire::{Attr, Begin, Encoded, End, Sink, StrayEnd, ThreadStart, Type, WireName};
use crate::{testing, Context, Guard, InitError, Settings, SpanId, TraceId, Tracer, Value};
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Zeroed memory that this process shares with the processes that are forked from it. Clones are the same memory.
#[derive(Clone, Debug)]
pub struct SharedMemory(Arc<Map>);

#[derive(Debug)]
struct Map(NonNull<[u8]>);

// SAFETY: the memory is only accessed through atomics and the protocol of a region.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl SharedMemory {
    /// Maps this many bytes.
    ///
    /// # Errors
    /// The system has no memory.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE);
        // SAFETY: a new mapping, at an address of the system's choice.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self(Arc::new(Map(NonNull::slice_from_raw_parts(at, bytes)))))
    }

    /// All of the memory, as words.
    pub fn words(&self) -> &[AtomicU64] {
        let memory = self.0 .0;
        // SAFETY: the mapping lives as long as `self`, starts at a page, and any bits are a valid atomic.
        unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), memory.len() / 8) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and dropped once.
        unsafe { libc::munmap(self.0.as_ptr().cast(), self.0.len()) };
    }
}

// SAFETY: anonymous memory, zeroed by the system, mapped for as long as the value lives; it has no file that could
// shrink.
unsafe impl Mapping for SharedMemory {
    fn memory(&self) -> NonNull<[u8]> {
        self.0 .0
    }

    fn commit(&self, _: Range<usize>) -> io::Result<()> {
        Ok(())
    }

    fn free(&self, range: Range<usize>) {
        let memory = self.0 .0.cast::<u8>();
        assert!(range.end <= self.0 .0.len());
        // SAFETY: the range is within the memory.
        let from = unsafe { memory.add(range.start) };
        // SAFETY: as above; all other accesses to the memory are atomic.
        unsafe { libc::madvise(from.as_ptr().cast(), range.len(), libc::MADV_REMOVE) };
    }

    fn ring(&self) {}
}

/// A tracer that records into a region of this same process.
///
/// From then on the names of the process go to the region, so use only one such tracer per test process.
///
/// # Errors
/// As [`init`](crate::init).
///
/// # Panics
/// If the memory isn't a free region.
pub fn child(memory: &SharedMemory, nonce: u64) -> Result<Guard, InitError> {
    child_with(memory, nonce, Settings::default())
}

/// As [`child`], with other settings than the defaults.
///
/// # Errors
/// As [`init`](crate::init).
///
/// # Panics
/// If the memory isn't a free region.
pub fn child_with(memory: &SharedMemory, nonce: u64, settings: Settings) -> Result<Guard, InitError> {
    match Attachment::attach(Box::new(memory.clone()), nonce) {
        Ok(attachment) => crate::builder("child").settings(settings).start_in(attachment),
        Err(error) => panic!("{error}"),
    }
}

/// A tracer without threads. Its collector makes a pass only when it is called, so that tests can run it on a region
/// millions of times, with the same result each time. Has no exporter; lives as long as the process.
pub struct Collector {
    tracer: Tracer,
    by_hand: crate::collector::ByHand,
}

/// The data that a collector holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Spans that are open.
    pub open: usize,
    /// Records whose span is not known yet, and ends that wait for another pass.
    pub waiting: usize,
    /// Polls whose span is not known yet.
    pub polls: usize,
    /// Bytes of values, and of records that wait.
    pub bytes: usize,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("held", &self.held()).finish_non_exhaustive()
    }
}

impl Collector {
    /// Starts a tracer whose rings have this many bytes.
    ///
    /// # Errors
    /// As [`init`](crate::init).
    pub fn start(ring_bytes: usize, settings: Settings) -> Result<Self, InitError> {
        let builder = testing::small_shards(crate::builder("by hand").settings(settings), ring_bytes);
        let (tracer, by_hand) = builder.start_by_hand()?;
        Ok(Self { tracer, by_hand })
    }

    /// The tracer.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Makes one pass over everything. Returns whether anything waits for another one.
    pub fn pass(&mut self) -> bool {
        self.by_hand.pass()
    }

    /// Looks after the memory of the shards, as the thread does a few times a second: gives back what was not used since the
    /// last call.
    pub fn tend(&mut self) {
        self.by_hand.tend();
    }

    /// Takes the spans that were finished since the last call.
    pub fn take_spans(&mut self) -> Vec<SpanData> {
        self.by_hand.take_spans()
    }

    /// The data that it holds now.
    pub fn held(&self) -> Held {
        let [open, waiting, polls, bytes] = self.by_hand.held();
        Held { open, waiting, polls, bytes }
    }
}

/// The writer of one shard of a region, under the test's control.
#[derive(Debug)]
pub struct RawShard {
    attachment: Arc<Attachment>,
    shard: Shard,
}

/// A region to which the test has attached.
#[derive(Clone, Debug)]
pub struct RawChild {
    attachment: Arc<Attachment>,
    memory: SharedMemory,
}

impl RawChild {
    /// Attaches to the region in the memory.
    ///
    /// # Errors
    /// As [`Attachment::attach`].
    pub fn attach(memory: &SharedMemory, nonce: u64) -> Result<Self, AttachError> {
        let attachment = Arc::new(Attachment::attach(Box::new(memory.clone()), nonce)?);
        Ok(Self { attachment, memory: memory.clone() })
    }

    /// Adds a name to the dictionary. The first one has number 1.
    pub fn name(&self, name: &str) -> bool {
        self.attachment.add_name(name)
    }

    /// Sets the resource of the process.
    pub fn resource(&self, attributes: &[(&str, &str)]) {
        self.attachment.set_resource(attributes.iter().copied());
    }

    /// Adds a shard, whose thread announces itself.
    pub fn shard(&self, thread: u64, name: &str) -> Option<RawShard> {
        let shard = self.attachment.next_shard(seed())?;
        let mut raw = RawShard { attachment: Arc::clone(&self.attachment), shard };
        raw.thread(thread, name);
        Some(raw)
    }

    /// The word of a shard's head with this index.
    pub fn head(&self, shard: u64, word: usize) -> &AtomicU64 {
        &self.memory.words()[self.attachment.shard_at(shard) / 8 + word]
    }

    /// The words of a shard's ring.
    pub fn ring(&self, shard: u64) -> &[AtomicU64] {
        let from = self.attachment.shard_at(shard) / 8 + 32;
        &self.memory.words()[from..from + self.attachment.ring_bytes() as usize / 8]
    }

    /// Writes the end of a span to the place for ends that find no room in a shard.
    pub fn stray_end(&self, span: u64) -> bool {
        self.attachment.stray(&StrayEnd { span, tick: tick(), flags: End::ELSEWHERE, dropped: 0 })
    }
}

/// The parent of a span.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
}

impl Parent {
    /// The parent of a root of this trace: none.
    pub fn of_root(trace: u128) -> Self {
        Self { trace: TraceId::from_u128(trace), span: SpanId(0) }
    }
}

impl From<Context> for Parent {
    fn from(cx: Context) -> Self {
        Self { trace: cx.trace_id(), span: cx.span_id() }
    }
}

/// A stamp of the processor's counter.
pub fn counter() -> u64 {
    clock::counter()
}

/// A stamp of the system's clock.
pub fn tick() -> u64 {
    clock::Clock::System.slow_tick()
}

impl RawShard {
    fn fits(&self, bytes: u64, is_begin: bool) -> bool {
        self.shard.writer().fits(bytes) || {
            let refill = self.shard.writer().refill(bytes, is_begin);
            if refill.wake {
                self.attachment.ring();
            }
            refill.outcome.is_ok()
        }
    }

    fn thread(&mut self, thread: u64, name: &str) {
        let start = ThreadStart { thread, name };
        if self.fits(start.bytes(), false) {
            self.shard.writer().record_with_bytes(start.before_name(), name.as_bytes());
        }
    }

    /// Starts a child of `parent` with the name of this number. `None` if there is no room, or if too many spans are
    /// open.
    pub fn begin(&mut self, name: u32, parent: impl Into<Parent>) -> Option<u64> {
        if !self.fits(Begin::BYTES + End::BYTES, true) {
            return None;
        }
        let Parent { trace, span } = parent.into();
        let begin = Begin { flags: Begin::PARENT_REMOTE, name, propagated: 0, parent: span.0, trace, tick: tick() };
        Some(self.shard.writer().begin(begin))
    }

    /// Ends a span that was started in this shard. There is always room.
    pub fn end(&mut self, span: u64) {
        self.shard.writer().end(End { flags: 0, dropped: 0, span, tick: tick() });
    }

    /// Sets a number on an open span.
    pub fn number(&mut self, span: u64, key: u32, value: i64) -> bool {
        self.record(&Attr::scalar(span, key, Type::I64, value as u64))
    }

    /// Sets a text on an open span, under an inline key.
    pub fn text(&mut self, span: u64, key: &str, value: &str) -> bool {
        let (mut words, value) = (Vec::new(), Value::from(value));
        let (attr, value) = (Attr { span, tick: None, key: WireName::Inline(key) }, Encoded::new(&value));
        attr.split(&value, self.shard.writer().max_record()).is_some_and(|records| {
            records.put(&mut words);
            self.record(&words)
        })
    }

    /// Appends any words, in one piece. Returns whether there was room.
    pub fn record(&mut self, words: &[u64]) -> bool {
        let bytes = 8 * words.len() as u64;
        if !self.fits(bytes, false) {
            return false;
        }
        let mut out = self.shard.writer().out();
        if let [first, rest @ ..] = words {
            out.start([*first]);
            rest.iter().for_each(|word| out.word(*word));
        }
        out.publish();
        true
    }

    /// A planted bug: publishes a Begin before its words are written, and writes them afterwards.
    pub fn torn_begin(&mut self, child: &RawChild, index: u64, name: u32, parent: impl Into<Parent>) -> Option<u64> {
        if !self.fits(Begin::BYTES + End::BYTES, true) {
            return None;
        }
        let at = self.shard.writer().position();
        let words = child.ring(index);
        let place = |i: u64| ((at / 8 + i) as usize) % words.len();
        let before: Vec<u64> = (0..Begin::BYTES / 8).map(|i| words[place(i)].load(Ordering::Relaxed)).collect();
        let span = self.begin(name, parent)?;
        let whole: Vec<u64> = (0..Begin::BYTES / 8).map(|i| words[place(i)].load(Ordering::Relaxed)).collect();
        for (i, word) in before.iter().enumerate() {
            words[place(i as u64)].store(*word, Ordering::Relaxed);
        }
        std::thread::yield_now();
        for (i, word) in whole.iter().enumerate() {
            words[place(i as u64)].store(*word, Ordering::Relaxed);
        }
        Some(span)
    }

    /// Ends the lease of the shard, as the exit of its thread does. The next record starts another one.
    pub fn rest(&mut self) {
        self.shard.writer().rest();
    }

    /// A span id of this shard that was not given to a span.
    pub fn unused_id(&self) -> SpanId {
        SpanId(self.shard.writer().next_id())
    }
}
