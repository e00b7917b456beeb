//! The memory of a region: an anonymous file that no process can resize, mapped by parent and child.
#![allow(unsafe_code)]

use super::sys::{self, Map};
use crate::process;
use heirloom_core::region::Mapping;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

/// A memory file and its mapping in this process, with the event that wakes the parent.
#[derive(Debug)]
pub(super) struct Memory {
    file: OwnedFd,
    event: OwnedFd,
    map: Map,
}

impl Memory {
    /// A sealed memory file with its mapping.
    pub(super) fn new(file: OwnedFd, event: OwnedFd, map: Map) -> Self {
        Self { file, event, map }
    }
}

// SAFETY: the mapping is a whole anonymous memory file, which the system zeroed. It is mapped as long as the value exists. It is
// sealed against shrinking: `sys::memory_file` makes it so, or `child::find` checks it.
unsafe impl Mapping for Memory {
    fn memory(&self) -> NonNull<[u8]> {
        self.map.memory()
    }

    fn commit(&self, range: Range<usize>) -> io::Result<()> {
        sys::allocate(self.file.as_fd(), range)
    }

    fn free(&self, range: Range<usize>) {
        sys::punch(self.file.as_fd(), range);
    }

    fn ring(&self) {
        process::ring(self.event.as_fd());
    }
}
