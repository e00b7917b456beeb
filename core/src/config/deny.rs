//! The keys of captured values that are secrets.

use std::fmt;

/// Endings of keys whose values are not recorded.
pub(super) const DEFAULT: &[&str] = &[
    "authorization",
    "cookie",
    "cookies",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "secret key",
    "token",
    "api key",
    "api keys",
    "access key",
    "private key",
    "private keys",
    "credential",
    "credentials",
];

/// Endings of keys, reduced to lower-case letters and digits.
#[derive(Clone, PartialEq)]
pub(crate) struct DenyList {
    ends: Vec<Box<[u8]>>,
    /// A filter: some bits of the last three bytes of each ending, so that one look-up clears most keys.
    glance: [u64; 64],
}

impl fmt::Debug for DenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ends.iter().map(|end| String::from_utf8_lossy(end))).finish()
    }
}

impl Default for DenyList {
    fn default() -> Self {
        let mut list = Self::empty();
        DEFAULT.iter().for_each(|end| list.add(end));
        list
    }
}

impl DenyList {
    pub(crate) fn empty() -> Self {
        Self { ends: Vec::new(), glance: [0; 64] }
    }

    pub(crate) fn add(&mut self, key: &str) {
        let end: Box<[u8]> = plain(key.as_bytes()).collect::<Vec<u8>>().into_iter().rev().collect();
        if end.is_empty() || self.ends.contains(&end) {
            return;
        }
        self.note(&end);
        self.ends.push(end);
    }

    /// Adds the last three bytes of an ending to the filter. An ending shorter than that matches any byte before it.
    fn note(&mut self, end: &[u8]) {
        let any = || 0..=u8::MAX;
        match *end {
            [] => {}
            [last] => any().for_each(|second| any().for_each(|third| self.set(last, second, third))),
            [second, last] => any().for_each(|third| self.set(last, second, third)),
            [.., third, second, last] => self.set(last, second, third),
        }
    }

    fn set(&mut self, last: u8, second: u8, third: u8) {
        let place = place(last, second, third);
        self.glance[place / 64] |= 1 << (place % 64);
    }

    /// Whether a key has one of the endings.
    #[cfg(feature = "capture")]
    #[inline]
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let mut ends = plain(key);
        let Some(last) = ends.next() else { return false };
        let place = place(last, ends.next().unwrap_or(0), ends.next().unwrap_or(0));
        self.glance[place / 64] >> (place % 64) & 1 != 0 && self.compare(key)
    }

    /// Compares backwards, so that it reads no more of the key than agrees.
    #[cfg(feature = "capture")]
    #[cold]
    fn compare(&self, key: &[u8]) -> bool {
        let ends = |end: &[u8]| {
            let mut key = plain(key);
            end.iter().rev().all(|byte| key.next() == Some(*byte))
        };
        self.ends.iter().any(|end| ends(end))
    }
}

/// The place of three bytes in the filter: one of 4096.
#[inline]
fn place(last: u8, second: u8, third: u8) -> usize {
    let bits = |byte: u8, bits: u32| usize::from(byte) & ((1 << bits) - 1);
    bits(last, 5) << 7 | bits(second, 5) << 2 | bits(third, 2)
}

/// The bytes of a key that are compared, from its end: letters in lower case and digits, without separators. Bytes beyond
/// ASCII are compared as they are.
#[inline]
fn plain(key: &[u8]) -> impl Iterator<Item = u8> + '_ {
    key.iter().rev().map(|byte| PLAIN[*byte as usize]).filter(|byte| *byte != 0)
}

/// Each byte as it is compared; zero for a separator.
static PLAIN: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            upper @ b'A'..=b'Z' => upper | 0x20,
            plain @ (b'a'..=b'z' | b'0'..=b'9' | 0x80..) => plain,
            _ => 0,
        };
        byte += 1;
    }
    table
};

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
            "old_passwords",
            "clientSecrets",
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
        list.add("z");
        assert!(list.has(b"z") && list.has(b"xyz") && list.has(b"a-z") && !list.has(b"za"));
        list.add("ok");
        assert!(list.has(b"ok") && list.has(b"O_K") && list.has(b"book") && !list.has(b"oka") && !list.has(b"k"));
        assert!(list.has(b"customer_iban") && list.has(b"IBAN") && !list.has(b"iban_country"));
        list.add(&"x".repeat(100));
        assert!(list.has("x".repeat(101).as_bytes()) && !list.has("x".repeat(99).as_bytes()));
    }
}
