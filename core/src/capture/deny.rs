//! Which keys of captured values are secrets.

/// Ends of keys whose values are not recorded.
pub(super) const DEFAULT: &[&str] = &[
    "authorization",
    "cookie",
    "cookies",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secret key",
    "token",
    "api key",
    "access key",
    "private key",
    "credential",
    "credentials",
];

/// Ends of keys, lower-case letters and digits alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DenyList {
    ends: Vec<Box<[u8]>>,
    /// Which bytes any of them ends with, so that most keys are passed at a glance.
    last: [bool; 256],
}

impl Default for DenyList {
    fn default() -> Self {
        let mut list = Self::empty();
        DEFAULT.iter().for_each(|end| list.add(end));
        list
    }
}

impl DenyList {
    pub(super) fn empty() -> Self {
        Self { ends: Vec::new(), last: [false; 256] }
    }

    pub(super) fn add(&mut self, key: &str) {
        let end: Box<[u8]> = key.bytes().filter_map(plain).collect();
        let (Some(&last), false) = (end.last(), self.ends.contains(&end)) else { return };
        self.last[last as usize] = true;
        self.ends.push(end);
    }

    /// Whether a key ends with one of them.
    #[cfg(feature = "capture")]
    #[inline]
    pub(super) fn has(&self, key: &[u8]) -> bool {
        let last = key.iter().rev().copied().find_map(plain);
        last.is_some_and(|last| self.last[last as usize] && self.compare(key, last))
    }

    /// From the end of both, so that no more of a key is looked at than is alike.
    #[cfg(feature = "capture")]
    fn compare(&self, key: &[u8], last: u8) -> bool {
        let ends = |end: &[u8]| {
            let mut key = key.iter().rev().copied().filter_map(plain);
            end.iter().rev().all(|byte| key.next() == Some(*byte))
        };
        self.ends.iter().any(|end| end.last() == Some(&last) && ends(end))
    }
}

/// A letter in lower case or a digit; nothing for what only separates. What is beyond ASCII is compared byte by byte.
#[inline]
fn plain(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte | 0x20),
        b'a'..=b'z' | b'0'..=b'9' | 0x80.. => Some(byte),
        _ => None,
    }
}

#[cfg(all(test, feature = "capture"))]
mod tests {
    use super::DenyList;

    #[test]
    fn secrets_are_known_in_all_spellings_and_counts_of_tokens_are_none() {
        let list = DenyList::default();
        for key in [
            "authorization",
            "Authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "password",
            "dbPassword",
            "client_secret",
            "access_token",
            "x-api-key",
            "apiKey",
            "API_KEY",
            "aws_secret_access_key",
            "private.key",
            "token:",
        ] {
            assert!(list.has(key.as_bytes()), "{key}");
        }
        for key in ["max_tokens", "token_count", "input_tokens", "secretary", "keys", "author", "", "-", "名前"] {
            assert!(!list.has(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn keys_of_ones_own_are_added() {
        let mut list = DenyList::empty();
        assert!(!list.has(b"password"));
        list.add("I-BAN");
        list.add("--");
        assert!(list.has(b"customer_iban") && list.has(b"IBAN") && !list.has(b"iban_country"));
        list.add(&"x".repeat(100));
        assert!(list.has("x".repeat(101).as_bytes()) && !list.has("x".repeat(99).as_bytes()));
    }
}
