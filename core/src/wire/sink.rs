//! Where records are written.

use super::padded;

/// Takes the words of records, in order. The caller has made sure that there is room.
pub(crate) trait Sink {
    /// Starts a record with its first words: the header, and what every record of its kind has.
    fn start<const N: usize>(&mut self, words: [u64; N]);

    fn word(&mut self, word: u64);

    /// Bytes, padded with zeros to whole words.
    fn bytes(&mut self, bytes: &[u8]);
}

/// For records that are built outside of a shard: tests.
impl Sink for Vec<u64> {
    fn start<const N: usize>(&mut self, words: [u64; N]) {
        self.extend(words);
    }

    fn word(&mut self, word: u64) {
        self.push(word);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.reserve(padded(bytes.len()) as usize / 8);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.push(u64::from_ne_bytes(word));
        }
    }
}
