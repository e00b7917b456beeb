//! Memory that two processes map, and access to its parts.
#![allow(unsafe_code)]

use crate::sync::AtomicU64;
use std::fmt;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;

/// Memory that this process shares with its parent or with one child.
///
/// # Safety
/// [`memory`](Self::memory) is always the same range. It is mapped readable and writable for as long as the value lives,
/// starts at a page, was zeroed when it was made, and no process can make it shorter.
pub unsafe trait Mapping: fmt::Debug + Send + Sync + 'static {
    /// The memory.
    fn memory(&self) -> NonNull<[u8]>;

    /// Commits the pages of this range, so that writing to them can't fail later.
    ///
    /// # Errors
    /// The system has no pages left.
    fn commit(&self, range: Range<usize>) -> io::Result<()>;

    /// Gives the pages of this range back to the system. They read as zero from then on. The range starts and ends at pages of
    /// the system. The default does nothing.
    fn free(&self, _: Range<usize>) {}

    /// Wakes the process at the other end. Recording threads call it, rarely: it may make a system call, and must not
    /// block, lock or allocate.
    fn ring(&self);
}

/// A mapping, with access to its parts.
#[derive(Debug)]
pub(crate) struct Mapped(Box<dyn Mapping>);

impl Mapped {
    pub(crate) fn new(mapping: Box<dyn Mapping>) -> Self {
        Self(mapping)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.memory().len()
    }

    pub(crate) fn commit(&self, range: Range<usize>) -> io::Result<()> {
        self.0.commit(range)
    }

    #[cfg(not(loom))]
    pub(crate) fn free(&self, pages: Range<usize>) {
        if !pages.is_empty() && pages.end <= self.len() {
            self.0.free(pages);
        }
    }

    pub(crate) fn ring(&self) {
        self.0.ring();
    }

    /// A part of the memory; `None` if it is not entirely inside, or not aligned.
    #[cfg(not(loom))]
    pub(crate) fn part(&self, offset: usize, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let memory = self.0.memory();
        let end = offset.checked_add(bytes)?;
        if end > memory.len() || (memory.cast::<u8>().as_ptr() as usize).checked_add(offset)? % align != 0 {
            return None;
        }
        // SAFETY: the offset is inside the memory.
        NonNull::new(unsafe { memory.cast::<u8>().as_ptr().add(offset) })
    }

    /// Words of the memory. The other process may write any bits; each is a valid number.
    #[cfg(not(loom))]
    pub(crate) fn words(&self, offset: usize, len: usize) -> Option<&[AtomicU64]> {
        let at = self.part(offset, len.checked_mul(8)?, 8)?;
        // SAFETY: `part` has checked range and alignment; the memory lives as long as `self`, and any bits are a valid
        // atomic. All accesses to these words from Rust, in both processes, are atomic.
        Some(unsafe { std::slice::from_raw_parts(at.as_ptr().cast(), len) })
    }

    /// Loom has no shared memory.
    #[cfg(loom)]
    pub(crate) fn words(&self, _: usize, _: usize) -> Option<&[AtomicU64]> {
        None
    }
}
