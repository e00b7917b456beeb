//! What the operating system tells about a child process, beyond what the standard library asks it for.
//!
//! | function | contract |
//! |---|---|
//! | `wait`, `try_wait` | how a child ended and what it used, without reaping it |
//! | `own_peak_bytes` | the most memory that this process has had |
//! | `open` (feature `tokio`) | a descriptor that becomes readable when the child ends |
//! | `read_both` | reads two pipes to their ends at the same time |

mod exit;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;
mod signal;

pub(crate) use exit::Exit;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(target_os = "linux"))]
use portable as os;

#[cfg(all(feature = "tokio", unix))]
pub(crate) use os::open;
pub(crate) use os::{own_peak_bytes, read_both};
