//! System calls for child processes that the standard library doesn't offer. This file chooses the files for each system. A port
//! starts here.
//!
//! | function | contract | Linux | other Unix | else |
//! |---|---|---|---|---|
//! | `wait`, `try_wait` | a child's exit status and resource usage, without reaping it | `linux.rs` | `portable.rs`: unsupported | the same |
//! | `is_elevated` | whether this program has more rights than its user | `linux.rs` | no | no |
//! | `own_peak_bytes` | this process's maximum resident memory | `linux.rs` | 0 | 0 |
//! | `open` (feature `tokio`) | a descriptor that becomes readable when the child ends | `pidfd.rs` | unsupported | - |
//! | `Watcher` | reports the end of a child to its [`Watched`] | one thread for all, `watch.rs`, `bells.rs` | a thread each, `watch_threads.rs` | - |
//! | `read_both` | reads two pipes to their ends at the same time | `unix.rs` | `unix.rs` | `other.rs`: a thread |
//! | `exit_of`, `error_name`, `signal_name` | values of OpenTelemetry's attributes | `unix.rs` | `unix.rs` | none |
//! | `monotonic_ns`, `readable`, `close_stdin`, `exit_now` | for worker pools | `worker.rs` | `worker.rs` | - |

mod exit;
pub(crate) use exit::Exit;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{is_elevated, own_peak_bytes, try_wait, wait};
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{is_elevated, own_peak_bytes, try_wait, wait};

#[cfg(all(target_os = "linux", any(feature = "record", feature = "workers", feature = "tokio")))]
mod pidfd;
#[cfg(all(target_os = "linux", feature = "tokio"))]
pub(crate) use pidfd::open;
#[cfg(all(unix, not(target_os = "linux"), feature = "tokio"))]
pub(crate) use portable::open;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{error_name, exit_of, read_both, signal_name};
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
pub(crate) use other::{error_name, exit_of, read_both, signal_name};

#[cfg(all(unix, feature = "workers"))]
mod worker;
#[cfg(all(unix, feature = "workers"))]
pub(crate) use worker::{close_stdin, exit_now, monotonic_ns, readable};

#[cfg(all(target_os = "linux", any(feature = "record", feature = "workers")))]
mod bells;
#[cfg(all(target_os = "linux", any(feature = "record", feature = "workers")))]
mod watch;
#[cfg(all(unix, not(target_os = "linux"), feature = "workers"))]
mod watch_threads;
#[cfg(any(all(target_os = "linux", feature = "record"), all(unix, feature = "workers")))]
mod watched;
#[cfg(all(target_os = "linux", feature = "record"))]
pub(crate) use bells::ring;
#[cfg(all(target_os = "linux", any(feature = "record", feature = "workers")))]
pub(crate) use watch::Watcher;
#[cfg(all(unix, not(target_os = "linux"), feature = "workers"))]
pub(crate) use watch_threads::Watcher;
#[cfg(any(all(target_os = "linux", feature = "record"), all(unix, feature = "workers")))]
pub(crate) use watched::Watched;
