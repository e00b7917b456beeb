//! [`Counted`]: counts what is written.

use std::io::{self, Write};

/// Counts what is written.
pub(super) struct Counted<'o> {
    out: &'o mut dyn Write,
    bytes: usize,
}

impl<'o> Counted<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, bytes: 0 }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len();
        self.out.write_all(bytes)
    }
}
