//! ThreadStart: another thread writes to the shard from here on.
//!
//! ```text
//! ThreadStart   header(aux: length) thread name..
//! ```

use super::check::{Check, Origin};
use super::{padded, Bytes, Fields, Header, Kind, Number, Violation};

/// The fields of a ThreadStart. `T` is the type of the name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadStart<T> {
    /// The operating system's id of the thread.
    pub(crate) thread: u64,
    pub(crate) name: T,
}

/// The header and the thread.
const FIXED_BYTES: u64 = 16;

impl ThreadStart<&str> {
    /// The longest name that another process may set, in bytes.
    pub(crate) const MAX_NAME_BYTES: usize = 256;

    /// It has no flags.
    pub(super) const FLAGS: &'static [Number] = &[];
    pub(super) const SAMPLE: &'static [u64] = &Self::head(1, FIXED_BYTES, 2);

    const fn head(thread: u64, bytes: u64, len: u32) -> [u64; 2] {
        [Header::new(Kind::ThreadStart, bytes, 0, len).0, thread]
    }

    pub(crate) fn bytes(&self) -> u64 {
        FIXED_BYTES + padded(self.name.len())
    }

    /// The words in front of the name.
    pub(crate) fn before_name(&self) -> [u64; 2] {
        Self::head(self.thread, self.bytes(), self.name.len() as u32)
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        let _thread = check.word()?;
        check.bytes(header.aux() as usize, Self::MAX_NAME_BYTES)
    }
}

impl<'a> ThreadStart<Bytes<'a>> {
    pub(crate) fn read(record: &'a [u64]) -> Option<Self> {
        let [header, thread, rest @ ..] = record else { return None };
        let name = Fields(rest).bytes(Header(*header).aux() as usize)?;
        Some(Self { thread: *thread, name })
    }
}
