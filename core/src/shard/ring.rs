//! The memory of a ring: words that one thread writes and another reads, never the same word at the same time.
//!
//! Nearly all unsafe code of this crate is in this file and in `writer.rs`. Invariants, cited by number:
//!
//! 1. The memory is `capacity + slack` bytes, allocated once and alive as long as the `Words`. `capacity` is a power of
//!    two, and `slack` at least the longest record, so a record that starts below `capacity` ends within the memory.
//! 2. Positions only grow. The byte at position `p` is at offset `p & (capacity - 1)`; a record lies in one piece from the
//!    offset of its start, over the end of the ring into the slack if need be.
//! 3. The words of a record in `[tail, head)` are only read, by the collector alone.
//! 4. All other words are only written, by the owner of the lease alone. A word passes to the collector when `head` is
//!    stored with release and read with acquire, and comes back when `tail` is stored with release and read with acquire.
#![allow(unsafe_code)]

#[cfg(not(loom))]
pub(crate) use flat::Words;
#[cfg(loom)]
pub(crate) use modelled::Words;

#[cfg(not(loom))]
mod flat {
    use std::alloc::{alloc_zeroed, dealloc, Layout};
    use std::ptr::NonNull;

    /// The words of one ring, on the heap. Pages are taken from the system when they are first written.
    #[derive(Debug)]
    pub(crate) struct Words {
        start: NonNull<u64>,
        allocation: NonNull<u8>,
        layout: Layout,
    }

    /// Up to how many bytes are copied word by word.
    const SHORT: usize = 64;
    /// The ring starts on a cache line.
    const ALIGN: usize = 64;
    /// What is asked of the allocator: no more than every allocation has, since only then zeroed memory comes straight
    /// from the system, untouched.
    const MALLOC_ALIGN: usize = 16;

    // SAFETY: `Words` owns its memory; who may touch which word is the callers' duty (invariants 3 and 4).
    unsafe impl Send for Words {}
    // SAFETY: as above.
    unsafe impl Sync for Words {}

    /// Eight bytes as they are in memory.
    #[inline(always)]
    fn word_of(chunk: &[u8]) -> u64 {
        chunk.try_into().map_or(0, u64::from_ne_bytes)
    }

    impl Words {
        /// Zeroed memory of this many bytes (a multiple of 8, not zero), or `None` if there is none.
        pub(crate) fn allocate(bytes: u64) -> Option<Self> {
            let size = usize::try_from(bytes).ok()?.checked_add(ALIGN)?;
            let layout = Layout::from_size_align(size, MALLOC_ALIGN).ok()?;
            // SAFETY: the layout's size is not zero.
            let allocation = NonNull::new(unsafe { alloc_zeroed(layout) })?;
            let skip = allocation.as_ptr().align_offset(ALIGN).min(ALIGN);
            // SAFETY: at most `ALIGN` bytes are skipped, and so many were asked for on top.
            let start = NonNull::new(unsafe { allocation.as_ptr().add(skip) })?.cast();
            Some(Self { start, allocation, layout })
        }

        #[inline(always)]
        fn at(&self, offset: u64) -> *mut u64 {
            debug_assert!(offset % 8 == 0 && offset < (self.layout.size() - ALIGN) as u64);
            // SAFETY: callers pass an offset within the memory (invariant 1).
            unsafe { self.start.as_ptr().byte_add(offset as usize) }
        }

        /// Writes the word at a byte offset.
        ///
        /// # Safety
        /// The offset is a multiple of 8 within the memory, and the word is the caller's to write (invariant 4).
        #[inline(always)]
        pub(crate) unsafe fn write(&self, offset: u64, word: u64) {
            // SAFETY: the caller vouches for it.
            unsafe { self.at(offset).write(word) };
        }

        /// Writes words from a byte offset on.
        ///
        /// # Safety
        /// As [`write`](Self::write), for all the words.
        #[inline(always)]
        pub(crate) unsafe fn write_all<const N: usize>(&self, offset: u64, words: [u64; N]) {
            // One write of the whole array, so that the compiler need not look up where the ring is for each word.
            // SAFETY: the caller vouches for it, and every offset is a multiple of 8.
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
                    // SAFETY: the caller vouches for it.
                    unsafe { self.write(offset + 8 * i as u64, word_of(chunk)) };
                }
            } else {
                let to = self.at(offset).cast();
                // SAFETY: the caller vouches for the target; it can't overlap bytes that somebody lends us.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, whole) };
            }
            let rest = bytes.len() - whole;
            if rest != 0 {
                let last = match bytes.last_chunk::<8>() {
                    // The last eight bytes, moved down over those that the word before has.
                    Some(chunk) => u64::from_le_bytes(*chunk) >> (8 * (8 - rest)),
                    None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
                };
                // SAFETY: the caller vouches for it.
                unsafe { self.write(offset + whole as u64, last.to_le()) };
            }
        }

        /// Lends `len` words at a byte offset.
        ///
        /// # Safety
        /// The words lie within the memory and stay the collector's for as long as the result lives (invariant 3).
        #[inline(always)]
        pub(crate) unsafe fn read<'a>(&'a self, offset: u64, len: usize, _: &'a mut Vec<u64>) -> &'a [u64] {
            // SAFETY: the caller vouches for it.
            unsafe { std::slice::from_raw_parts(self.at(offset), len) }
        }
    }

    impl Drop for Words {
        fn drop(&mut self) {
            // SAFETY: allocated in `allocate` with this layout, and dropped once.
            unsafe { dealloc(self.allocation.as_ptr(), self.layout) };
        }
    }
}

#[cfg(loom)]
mod modelled {
    use loom::cell::UnsafeCell;

    /// The same contract for loom, which checks every access to every word.
    #[derive(Debug)]
    pub(crate) struct Words(Vec<UnsafeCell<u64>>);

    // SAFETY: loom's cells report any access that is not ordered.
    unsafe impl Send for Words {}
    // SAFETY: as above.
    unsafe impl Sync for Words {}

    impl Words {
        pub(crate) fn allocate(bytes: u64) -> Option<Self> {
            Some(Self((0..bytes / 8).map(|_| UnsafeCell::new(0)).collect()))
        }

        pub(crate) unsafe fn write(&self, offset: u64, word: u64) {
            // SAFETY: loom checks that no other thread is at this word.
            self.0[offset as usize / 8].with_mut(|at| unsafe { *at = word });
        }

        pub(crate) unsafe fn write_all<const N: usize>(&self, offset: u64, words: [u64; N]) {
            for (i, word) in words.into_iter().enumerate() {
                // SAFETY: the caller vouches for it, and loom checks.
                unsafe { self.write(offset + i as u64 * 8, word) };
            }
        }

        pub(crate) unsafe fn write_bytes(&self, offset: u64, bytes: &[u8]) {
            for (i, chunk) in bytes.chunks(8).enumerate() {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                // SAFETY: the caller vouches for it, and loom checks.
                unsafe { self.write(offset + i as u64 * 8, u64::from_ne_bytes(word)) };
            }
        }

        pub(crate) unsafe fn read<'a>(&'a self, offset: u64, len: usize, copy: &'a mut Vec<u64>) -> &'a [u64] {
            let from = offset as usize / 8;
            copy.clear();
            // SAFETY: loom checks that no other thread writes this word.
            copy.extend(self.0[from..from + len].iter().map(|word| word.with(|at| unsafe { *at })));
            copy
        }
    }
}
