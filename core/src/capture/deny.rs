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

/// How many bytes of a key's end are looked at.
#[cfg(feature = "capture")]
const LOOKED_AT: usize = 64;

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
        last.is_some_and(|last| self.last[last as usize]) && self.compare(key)
    }

    #[cfg(feature = "capture")]
    fn compare(&self, key: &[u8]) -> bool {
        // From the end of both, so that only the end is looked at.
        let mut reversed = [0_u8; LOOKED_AT];
        let mut len = 0;
        for (to, byte) in reversed.iter_mut().zip(key.iter().rev().copied().filter_map(plain)) {
            *to = byte;
            len += 1;
        }
        let reversed = &reversed[..len];
        self.ends.iter().any(|end| end.len() <= len && end.iter().rev().eq(&reversed[..end.len()]))
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
        assert!(!list.has("x".repeat(100).as_bytes()), "only the end of a key is looked at");
    }
}
