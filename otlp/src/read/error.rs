//! [`ReadError`]: where something else was expected, and what.

use std::fmt;
use std::io;

/// Why a request can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The contents are not OTLP.
    Malformed {
        /// Where.
        at: Place,
        /// What was expected there.
        expected: &'static str,
    },
    /// The reader failed.
    Io(io::Error),
}

/// A place in what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many bytes are before it.
    Byte(u64),
    /// A place in JSON.
    Line {
        /// The line, from 1.
        line: u64,
        /// The column, from 1, in characters.
        column: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Byte(byte) => write!(f, "byte {byte}"),
            Place::Line { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

/// Never contains a text of the request.
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Malformed { at, expected } => write!(f, "{at}: expected {expected}"),
            ReadError::Io(error) => write!(f, "can't read: {error}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io(error) => Some(error),
            ReadError::Malformed { .. } => None,
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Io(error)
    }
}
