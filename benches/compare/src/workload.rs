//! The names, keys and values that every peer records.

/// The name of the shared parent.
pub const PARENT: &str = "parent";
/// The name of each child.
pub const CHILD: &str = "child";
/// The keys of the three attributes: an integer, a double and a text of 20 bytes.
pub const KEYS: [&str; 3] = ["count", "ratio", "file"];

/// The spans that a thread records in one go.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// The thread, from zero.
    pub thread: usize,
    /// The number of the first span among those of this thread.
    pub first: u64,
    /// The number of spans.
    pub spans: u64,
}

impl Stretch {
    /// The numbers of the spans, unique within the process and never zero.
    #[inline]
    pub fn ids(&self) -> std::ops::Range<u64> {
        let first = ((self.thread as u64 + 1) << 40) + self.first;
        first..first + self.spans
    }
}

/// One span of a stretch.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The thread, from zero.
    pub thread: usize,
    /// The span's number.
    pub id: u64,
}

/// Called around each span of a stretch: to pace the spans, or to time them. `()` does nothing.
pub trait Around {
    /// Before the span starts.
    fn before(&mut self) {}
    /// After it has ended.
    fn after(&mut self) {}
}

impl Around for () {}

/// The values of the attributes. The texts are borrowed from the heap, as a file name would be, so a peer that
/// keeps them has to copy them.
#[derive(Debug)]
pub struct Samples {
    files: [String; 16],
}

/// The three values of one span.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// An integer.
    pub count: i64,
    /// A double.
    pub ratio: f64,
    /// A text of 20 bytes.
    pub file: &'a str,
}

impl Samples {
    /// Makes the texts.
    pub fn new() -> Self {
        Self { files: std::array::from_fn(|i| format!("/images/{i:04}/cat.png")) }
    }

    /// The values of the span with this number.
    #[inline]
    pub fn of(&self, id: u64) -> Sample<'_> {
        Sample { count: id as i64, ratio: id as f64 * 0.5, file: &self.files[id as usize % self.files.len()] }
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_20_bytes() {
        let samples = Samples::new();
        assert!((0..32).all(|id| samples.of(id).file.len() == 20));
    }

    #[test]
    fn ids_of_threads_and_stretches_do_not_overlap() {
        let ids = |thread, first, spans| Stretch { thread, first, spans }.ids();
        assert_eq!(ids(0, 0, 10).end, ids(0, 10, 5).start);
        assert!(ids(0, 0, 1 << 30).end < ids(1, 0, 1).start);
    }
}
