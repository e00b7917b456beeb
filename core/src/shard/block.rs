//! The memory of a shard: the head, which both sides share, and the words of the ring behind it. One thread writes the
//! words and another one reads them, never the same word at the same time.
//!
//! ```text
//! head (256 bytes): positions and counters     words of the ring     slack
//!                                              ^ start
//! ```
//!
//! The head is at a fixed distance in front of the words, so one pointer finds both. A block is in memory that was reserved
//! for it alone, on the heap where that isn't possible, or in memory that a worker process shares with its parent
//! ([`shm`](crate::shm)). The same code writes all of them.
//!
//! Nearly all unsafe code of this crate is in this file and in `writer.rs`. Invariants, cited by number:
//!
//! 1. The words are `capacity + slack` bytes, valid for as long as the `Block`. `capacity` is a power of two, and `slack`
//!    is at least the longest record. So a record that starts below `capacity` ends within the memory.
//! 2. Positions only grow. The byte at position `p` is at offset `p & (capacity - 1)`. A record is contiguous from the
//!    offset of its start, and may extend over the end of the ring into the slack.
//! 3. The words of a record in `[tail, head)` are only read, by the collector alone.
//! 4. All other words are only written, by the owner of the lease alone. A word passes to the collector when `head` is
//!    stored with release and read with acquire, and comes back when `tail` is stored with release and read with acquire.
//! 5. The collector frees only words that are neither in `[tail, head)` nor in the writer's claim. They read as zero then,
//!    and the writer writes them only after it has read with acquire that the collector is done ([`trim`](super::trim)).
#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) use flat::Block;
#[cfg(loom)]
pub(crate) use modelled::Block;

use super::Refused;
use crate::sync::{AtomicU32, AtomicU64};

/// The fields that both sides share. All zero at first, and any bits are valid.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Head {
    pub(crate) written: Written,
    pub(crate) read: Read,
}

/// Fields that the lease holder writes and any thread reads, on separate cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Written {
    /// Everything before this position is readable.
    pub(crate) head: AtomicU64,
    /// Spans started in this shard since it was made.
    pub(crate) begun: AtomicU64,
    /// Spans that were not sampled, since the shard was made.
    pub(crate) sampled_out: AtomicU64,
    /// Transparent spans by cause, in the order of [`Refused`].
    pub(crate) refused: [AtomicU64; Refused::CAUSES],
    /// The memory that the writer may write: a [`Claim`](super::Claim). The collector changes its marks.
    pub(crate) claim: AtomicU64,
    /// Bytes that the shard has taken from its budget since it was made.
    pub(crate) taken: AtomicU64,
    /// Marks that found no room.
    pub(crate) lost_marks: AtomicU64,
}

/// Fields that the collector writes and the lease holder reads, on separate cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Read {
    /// Everything before this position was read.
    pub(crate) tail: AtomicU64,
    /// Bytes of ends that were reserved here and written elsewhere, since the shard was made.
    pub(crate) returned: AtomicU64,
    /// Not zero: the tracer has finished.
    pub(crate) closed: AtomicU32,
    /// The clock that a writer in another process must read.
    pub(crate) clock: AtomicU32,
    /// The offset up to which the ring kept its memory when the collector last freed some.
    pub(crate) kept: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(std::mem::size_of::<Head>() == 256 && std::mem::align_of::<Head>() == 128);

#[cfg(not(loom))]
mod flat {
    use super::Head;
    use crate::sys;
    use std::alloc::{alloc_zeroed, dealloc, Layout};
    use std::mem::{align_of, size_of};
    use std::ops::Range;
    use std::ptr::NonNull;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::Arc;

    /// Head and words of one shard. The system provides pages when they are first written.
    #[derive(Debug)]
    pub(crate) struct Block {
        start: NonNull<u64>,
        bytes: u64,
        owner: Owner,
    }

    /// The owner of the memory.
    #[derive(Debug)]
    enum Owner {
        Heap(NonNull<u8>, Layout),
        Reserved(sys::Reserved),
        /// Keeps a mapping alive. The head is at the offset.
        Mapping(Arc<crate::mapping::Mapped>, usize),
    }

    /// Up to this length, in bytes, copies are made word by word, which is faster than a call for short texts.
    const SHORT: usize = 64;
    /// The alignment of head and words: each starts on a pair of cache lines.
    const ALIGN: usize = align_of::<Head>();
    const HEAD: usize = size_of::<Head>();
    /// The alignment requested from the allocator: no more than every allocation has. Only then does zeroed memory come
    /// straight from the system, untouched.
    const MALLOC_ALIGN: usize = 16;

    // SAFETY: callers ensure which thread accesses which word (invariants 3 and 4); the head consists of atomics.
    unsafe impl Send for Block {}
    // SAFETY: as above.
    unsafe impl Sync for Block {}

    /// Eight bytes as they are in memory.
    #[inline(always)]
    fn word_of(chunk: &[u8]) -> u64 {
        chunk.try_into().map_or(0, u64::from_ne_bytes)
    }

    impl Block {
        /// A zeroed head and zeroed words of this many bytes (a multiple of 8) in address space of which no page is used yet.
        /// `None` if the system refuses it.
        pub(crate) fn reserve(bytes: u64) -> Option<Self> {
            let size = usize::try_from(bytes).ok()?.checked_add(HEAD)?.next_multiple_of(sys::page_bytes());
            let memory = sys::Reserved::new(size)?;
            // SAFETY: the memory starts at a page, and is longer than a head.
            let start = unsafe { memory.start().add(HEAD) }.cast();
            Some(Self { start, bytes, owner: Owner::Reserved(memory) })
        }

        /// A zeroed head and zeroed words of this many bytes on the heap, or `None` without memory.
        pub(crate) fn allocate(bytes: u64) -> Option<Self> {
            let size = usize::try_from(bytes).ok()?.checked_add(HEAD + ALIGN)?;
            let layout = Layout::from_size_align(size, MALLOC_ALIGN).ok()?;
            // SAFETY: the layout's size is not zero.
            let allocation = NonNull::new(unsafe { alloc_zeroed(layout) })?;
            let skip = allocation.as_ptr().align_offset(ALIGN).min(ALIGN);
            // SAFETY: at most `ALIGN` bytes are skipped for the alignment, and the allocation has that many more.
            let start = NonNull::new(unsafe { allocation.as_ptr().add(skip + HEAD) })?.cast();
            Some(Self { start, bytes, owner: Owner::Heap(allocation, layout) })
        }

        /// The block whose head is at this offset of a mapping; `None` if head and words are not aligned within it.
        pub(crate) fn in_mapping(mapped: &Arc<crate::mapping::Mapped>, offset: usize, bytes: u64) -> Option<Self> {
            let size = usize::try_from(bytes).ok()?.checked_add(HEAD)?;
            let at = mapped.part(offset, size, ALIGN)?;
            // SAFETY: `part` has checked that head and words are within the mapping.
            let start = NonNull::new(unsafe { at.as_ptr().add(HEAD) })?.cast();
            Some(Self { start, bytes, owner: Owner::Mapping(Arc::clone(mapped), offset) })
        }

        /// Makes sure that the words between two offsets can be written. Only shared memory needs that.
        pub(crate) fn commit(&self, from: u64, to: u64) -> bool {
            match &self.owner {
                Owner::Mapping(mapped, at) => mapped.commit(at + HEAD + from as usize..at + HEAD + to as usize).is_ok(),
                Owner::Heap(..) | Owner::Reserved(..) => true,
            }
        }

        /// Whether [`free`](Self::free) has an effect.
        pub(crate) fn can_free(&self) -> bool {
            !matches!(self.owner, Owner::Heap(..))
        }

        /// Gives the pages between two offsets of the words back to the system, those that are entirely between them. They
        /// read as zero from then on. No thread uses these words meanwhile (invariant 5), or their content is of no meaning.
        pub(crate) fn free(&self, words: &Range<u64>) {
            let page = sys::page_bytes();
            // From the start of head and words, which is at a page, or of the mapping.
            let pages = |offset: usize| {
                let end = words.end.min(self.bytes) as usize;
                let from = (offset + HEAD + words.start as usize).next_multiple_of(page);
                from..((offset + HEAD + end) / page * page).max(from)
            };
            match &self.owner {
                Owner::Heap(..) => {}
                Owner::Reserved(memory) => memory.discard(pages(0)),
                Owner::Mapping(mapped, at) => mapped.free(pages(*at)),
            }
        }

        /// The fields that both sides share.
        #[inline(always)]
        pub(crate) fn head(&self) -> &Head {
            // SAFETY: `start` is `HEAD` bytes into the memory.
            let head: *const Head = unsafe { self.start.as_ptr().byte_sub(HEAD) }.cast();
            // SAFETY: the head is aligned, was zeroed, and consists of atomics, of which any bits are valid.
            unsafe { &*head }
        }

        /// Copies words at a byte offset from memory that another process may change meanwhile: word by word, atomically.
        /// Stops at the end of the memory.
        pub(crate) fn copy(&self, offset: u64, len: usize, to: &mut Vec<u64>) {
            to.clear();
            let len = len.min((self.bytes.saturating_sub(offset) / 8) as usize);
            to.extend((0..len as u64).map(|i| {
                let at = self.at(offset + 8 * i);
                // SAFETY: the word is within the memory, aligned; all accesses of this process to it are atomic.
                unsafe { AtomicU64::from_ptr(at) }.load(Ordering::Relaxed)
            }));
        }

        #[inline(always)]
        fn at(&self, offset: u64) -> *mut u64 {
            debug_assert!(offset % 8 == 0 && offset < self.bytes);
            // SAFETY: callers pass an offset within the memory (invariant 1).
            unsafe { self.start.as_ptr().byte_add(offset as usize) }
        }

        /// Writes the word at a byte offset.
        ///
        /// # Safety
        /// The offset is a multiple of 8 within the memory, and the word is the caller's to write (invariant 4).
        #[inline(always)]
        pub(crate) unsafe fn write(&self, offset: u64, word: u64) {
            // SAFETY: guaranteed by the caller.
            unsafe { self.at(offset).write(word) };
        }

        /// Writes words from a byte offset on.
        ///
        /// # Safety
        /// As [`write`](Self::write), for all the words.
        #[inline(always)]
        pub(crate) unsafe fn write_all<const N: usize>(&self, offset: u64, words: [u64; N]) {
            // One write of the whole array, so that the compiler finds the ring only once.
            // SAFETY: guaranteed by the caller, and every offset is a multiple of 8.
            unsafe { self.at(offset).cast::<[u64; N]>().write(words) };
        }

        /// Writes bytes at a byte offset and pads the last word with zeros.
        ///
        /// # Safety
        /// As [`write`](Self::write), for all the words that the bytes touch.
        #[inline(always)]
        pub(crate) unsafe fn write_bytes(&self, offset: u64, bytes: &[u8]) {
            let whole = bytes.len() & !7;
            if whole <= SHORT {
                // Word by word: shorter than the call of a copy.
                for (i, chunk) in bytes.chunks_exact(8).enumerate() {
                    // SAFETY: guaranteed by the caller.
                    unsafe { self.write(offset + 8 * i as u64, word_of(chunk)) };
                }
            } else {
                let to = self.at(offset).cast();
                // SAFETY: the caller guarantees the target; it can't overlap bytes that are borrowed here.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, whole) };
            }
            let rest = bytes.len() - whole;
            if rest != 0 {
                let last = match bytes.last_chunk::<8>() {
                    // The last eight bytes, shifted down over those that the word before contains.
                    Some(chunk) => u64::from_le_bytes(*chunk) >> (8 * (8 - rest)),
                    None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
                };
                // SAFETY: guaranteed by the caller.
                unsafe { self.write(offset + whole as u64, last.to_le()) };
            }
        }

        /// Borrows `len` words at a byte offset.
        ///
        /// # Safety
        /// The words are within the memory and stay the collector's for as long as the result lives (invariant 3).
        #[inline(always)]
        pub(crate) unsafe fn read<'a>(&'a self, offset: u64, len: usize, _: &'a mut Vec<u64>) -> &'a [u64] {
            // SAFETY: guaranteed by the caller.
            unsafe { std::slice::from_raw_parts(self.at(offset), len) }
        }
    }

    impl Drop for Block {
        fn drop(&mut self) {
            if let Owner::Heap(allocation, layout) = &self.owner {
                // SAFETY: allocated in `allocate` with this layout, and dropped once.
                unsafe { dealloc(allocation.as_ptr(), *layout) };
            }
        }
    }
}

#[cfg(loom)]
mod modelled {
    use super::{Head, Read, Written};
    use crate::sync::{AtomicU32, AtomicU64};
    use loom::cell::UnsafeCell;
    use std::ops::Range;

    /// The same contract for loom, which checks every access to every word.
    #[derive(Debug)]
    pub(crate) struct Block {
        head: Head,
        words: Vec<UnsafeCell<u64>>,
    }

    // SAFETY: loom's cells report any access that is not ordered.
    unsafe impl Send for Block {}
    // SAFETY: as above.
    unsafe impl Sync for Block {}

    impl Block {
        pub(crate) fn allocate(bytes: u64) -> Option<Self> {
            let zero = || AtomicU64::new(0);
            let written = Written {
                head: zero(),
                begun: zero(),
                sampled_out: zero(),
                refused: [zero(), zero(), zero(), zero(), zero()],
                claim: zero(),
                taken: zero(),
                lost_marks: zero(),
            };
            let (closed, clock) = (AtomicU32::new(0), AtomicU32::new(0));
            let read = Read { tail: zero(), returned: zero(), closed, clock, kept: zero() };
            let words = (0..bytes / 8).map(|_| UnsafeCell::new(0)).collect();
            Some(Self { head: Head { written, read }, words })
        }

        pub(crate) fn head(&self) -> &Head {
            &self.head
        }

        /// Loom has no shared memory.
        pub(crate) fn in_mapping(_: &std::sync::Arc<crate::mapping::Mapped>, _: usize, _: u64) -> Option<Self> {
            None
        }

        pub(crate) fn copy(&self, _: u64, _: usize, _: &mut Vec<u64>) {}

        /// Loom has no address space without memory.
        pub(crate) fn reserve(bytes: u64) -> Option<Self> {
            Self::allocate(bytes)
        }

        pub(crate) fn commit(&self, _: u64, _: u64) -> bool {
            true
        }

        pub(crate) fn can_free(&self) -> bool {
            true
        }

        /// To the word, so that the models are stricter than the system.
        pub(crate) fn free(&self, words: &Range<u64>) {
            for word in &self.words[words.start as usize / 8..words.end as usize / 8] {
                // SAFETY: loom checks that no other thread accesses this word.
                word.with_mut(|at| unsafe { *at = 0 });
            }
        }

        pub(crate) unsafe fn write(&self, offset: u64, word: u64) {
            // SAFETY: loom checks that no other thread accesses this word.
            self.words[offset as usize / 8].with_mut(|at| unsafe { *at = word });
        }

        pub(crate) unsafe fn write_all<const N: usize>(&self, offset: u64, words: [u64; N]) {
            for (i, word) in words.into_iter().enumerate() {
                // SAFETY: guaranteed by the caller, and checked by loom.
                unsafe { self.write(offset + i as u64 * 8, word) };
            }
        }

        pub(crate) unsafe fn write_bytes(&self, offset: u64, bytes: &[u8]) {
            for (i, chunk) in bytes.chunks(8).enumerate() {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                // SAFETY: guaranteed by the caller, and checked by loom.
                unsafe { self.write(offset + i as u64 * 8, u64::from_ne_bytes(word)) };
            }
        }

        pub(crate) unsafe fn read<'a>(&'a self, offset: u64, len: usize, copy: &'a mut Vec<u64>) -> &'a [u64] {
            let from = offset as usize / 8;
            copy.clear();
            // SAFETY: loom checks that no other thread writes this word.
            copy.extend(self.words[from..from + len].iter().map(|word| word.with(|at| unsafe { *at })));
            copy
        }
    }
}
