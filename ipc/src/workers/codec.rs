//! Values as bytes, and back, in bincode. `ipc-channel` needs that format too, so a program has one.

use bincode::{DefaultOptions, Options};
use serde::{Deserialize, Serialize};

/// Bytes of a length before a head.
const PREFIX: usize = 4;

/// Short numbers take one byte, and all bytes must be read.
fn format() -> DefaultOptions {
    DefaultOptions::new()
}

pub(super) fn to_bytes(value: &impl Serialize) -> bincode::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Serialises once; `serialize` would do so once more, for the length.
    format().serialize_into(&mut bytes, value)?;
    Ok(bytes)
}

pub(super) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> bincode::Result<T> {
    format().deserialize(bytes)
}

/// Appends a value that can always be serialised, so that other bytes can follow.
pub(super) fn append_head(value: &impl Serialize, to: &mut Vec<u8>) {
    let at = to.len();
    to.extend_from_slice(&[0; PREFIX]);
    match format().serialize_into(&mut *to, value) {
        Ok(()) => {
            let length = (to.len() - at - PREFIX) as u32;
            to[at..at + PREFIX].copy_from_slice(&length.to_le_bytes());
        }
        Err(_) => to.truncate(at),
    }
}

/// The value that [`append_head`] wrote, and the bytes after it.
pub(super) fn split_head<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<(T, &'a [u8])> {
    let (length, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let (head, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((from_bytes(head).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::ser::Error as _;
    use serde::Serializer;

    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("it is secret"))
        }
    }

    #[test]
    fn a_refusal_deep_inside_is_heard() {
        let value = (1, vec![Some(Refuses)]);
        assert_eq!(to_bytes(&value).unwrap_err().to_string(), "it is secret");
    }

    #[test]
    fn lengths_that_the_bytes_do_not_have_are_errors() {
        // A text, a list and a head of four billion bytes.
        let long = [252, 255, 255, 255, 255, b'x'];
        assert!(from_bytes::<&str>(&long).is_err() && from_bytes::<String>(&long).is_err());
        assert!(from_bytes::<Vec<u64>>(&long).is_err());
        assert!(split_head::<u8>(&[255, 255, 255, 255, 1]).is_none());
        assert!(split_head::<u8>(&[1, 0, 0]).is_none());
    }

    #[test]
    fn bytes_after_a_value_are_an_error_and_those_after_a_head_are_not() {
        let mut bytes = Vec::new();
        append_head(&7_u8, &mut bytes);
        bytes.extend_from_slice(b"rest");
        assert_eq!(split_head(&bytes), Some((7_u8, &b"rest"[..])));
        assert!(from_bytes::<u8>(&[7, 0]).is_err());
    }
}
