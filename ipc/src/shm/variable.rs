//! The environment variable that tells a child which descriptors its region has.

use std::fmt;
use std::os::fd::RawFd;
use std::str::FromStr;

/// Its name.
pub(crate) const VARIABLE: &str = "HEIRLOOM_REGION";

/// Its value: `1:memory:event:bytes:inode:nonce`, numbers in decimal.
///
/// The inode reveals a stale variable: a grandchild inherited it, and the descriptor there is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) memory: RawFd,
    pub(super) event: RawFd,
    pub(super) bytes: u64,
    pub(super) inode: u64,
    pub(super) nonce: u64,
}

const VERSION: &str = "1";

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, event, bytes, inode, nonce } = self;
        write!(f, "{VERSION}:{memory}:{event}:{bytes}:{inode}:{nonce}")
    }
}

/// The variable is not in the format that this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let mut fields = text.split(':');
        if fields.next() != Some(VERSION) {
            return Err(NotAPlace);
        }
        let mut number = || fields.next().and_then(|field| field.parse::<u64>().ok()).ok_or(NotAPlace);
        let descriptor = |number: u64| RawFd::try_from(number).ok().filter(|fd| *fd > 2).ok_or(NotAPlace);
        let place = Self {
            memory: descriptor(number()?)?,
            event: descriptor(number()?)?,
            bytes: number()?,
            inode: number()?,
            nonce: number()?,
        };
        fields.next().map_or(Ok(place), |_| Err(NotAPlace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was_and_nothing_else_is_one() {
        let place = Place { memory: 5, event: 6, bytes: 1 << 30, inode: 77, nonce: u64::MAX };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in
            ["", "1", "2:5:6:7:8:9", "1:5:6:7:8", "1:5:6:7:8:9:10", "1:0:6:7:8:9", "1:-1:6:7:8:9", "x", "1:5:6:7:8:"]
        {
            assert_eq!(text.parse::<Place>(), Err(NotAPlace), "{text}");
        }
    }
}
