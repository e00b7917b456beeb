//! [`Room`]: limits the text of a stream that is kept for the output.

/// Maximum text kept of one stream, in bytes: 1 MiB. It bounds the memory of an endless stream. An attribute is never longer than a
/// quarter of a shard anyway.
const MAX_BYTES: usize = 1 << 20;

/// The remaining room in bytes.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn new() -> Self {
        Self(MAX_BYTES)
    }

    /// Appends as much of `more` as fits, cut at a character. After a cut, nothing more is kept.
    pub(crate) fn append(&mut self, text: &mut String, more: &str) {
        if more.len() <= self.0 {
            text.push_str(more);
            self.0 -= more.len();
            return;
        }
        let mut end = self.0;
        while !more.is_char_boundary(end) {
            end -= 1;
        }
        text.push_str(&more[..end]);
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_cut_at_a_character() {
        let (mut room, mut text) = (Room(5), String::new());
        for more in ["abc", "ä€", "x"] {
            room.append(&mut text, more);
        }
        assert_eq!(text, "abcä");
    }
}
