//! Gzip without compression, for builds without the feature `files`: a compressor takes longer to build than the page of a short
//! run takes to write.

use std::io::{self, Write};

/// A block's length has 16 bits.
const LONGEST: usize = u16::MAX as usize;

/// Writes a member of gzip ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)) whose blocks are stored
/// ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951), 3.2.4): one for each call of `write`.
#[derive(Debug)]
pub(super) struct Stored<W> {
    out: W,
    checksum: u32,
    /// Of what was written, modulo 2^32.
    length: u32,
}

impl<W: Write> Stored<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        // Method 8, no flags, no time, an unknown system.
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
        Ok(Self { out, checksum: !0, length: 0 })
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.block(true, &[])?;
        self.out.write_all(&(!self.checksum).to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        Ok(self.out)
    }

    fn block(&mut self, last: bool, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u16;
        self.out.write_all(&[u8::from(last)])?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&(!length).to_le_bytes())?;
        self.out.write_all(bytes)
    }
}

impl<W: Write> Write for Stored<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        self.block(false, bytes)?;
        self.checksum = bytes.iter().fold(self.checksum, |sum, byte| TABLE[((sum as u8) ^ byte) as usize] ^ (sum >> 8));
        self.length = self.length.wrapping_add(bytes.len() as u32);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The remainders of all bytes (RFC 1952, 8).
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { 0xedb8_8320 ^ (remainder >> 1) } else { remainder >> 1 };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// `GzDecoder` checks length and checksum.
    #[test]
    fn any_reader_of_gzip_reads_it_back() {
        for length in [0, 1, 9, LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST + 7] {
            let data: Vec<u8> = (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let mut packed = Stored::new(Vec::new()).unwrap();
            packed.write_all(&data).unwrap();
            let packed = packed.finish().unwrap();
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut read).unwrap();
            assert!(read == data, "{length}");
        }
    }
}
