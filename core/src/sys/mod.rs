//! The interface to the operating system. Only this folder calls it, except for files that need no more than the standard
//! library, and `testing::region`, which maps the tests' shared memory. Shared memory, processes and their exit status belong
//! to `heirloom-ipc`.
//!
//! | function | contract | Linux | other Unix | others |
//! |---|---|---|---|---|
//! | `process_id` | this process's id | std | std | std |
//! | `parent_id` | the id of the process that started this one; another one's after its end | std | std | `not_unix.rs`: zero |
//! | `thread_id` | this thread's id as the system's tools show it | `linux.rs` | `portable.rs`: a number that this process assigns | the same |
//! | `monotonic_ns` | a clock in nanoseconds that never goes back | `linux.rs` | `portable.rs` | the same |
//! | `realtime_ns` | nanoseconds since 1970 (UTC) | `linux.rs` | `portable.rs` | the same |
//! | `counter_is_clock` | whether the kernel itself derives its time from the processor's counter | `linux.rs` | `portable.rs`: no | the same |
//! | `is_elevated` | whether the program has more rights than its caller: then its environment is ignored | `linux.rs` | `portable.rs`: no | the same |
//! | `page_bytes` | the size of a page | `linux.rs` | `portable.rs`: 4,096 | the same |
//! | `Reserved` | address space whose pages become memory when they are written, and can be given back | `linux.rs` | `portable.rs`: none, so rings are on the heap | the same |
//! | `at_exit` | runs a function when the process exits normally (`return` from main, `exit`) | `unix.rs` | `unix.rs` | `not_unix.rs`: never |
//! | `at_fork_child` | runs a function in the child of a `fork`, before it returns there | `unix.rs` | `unix.rs` | `not_unix.rs`: never |
//! | `spawn_at_end` | starts a thread, also from a thread whose thread-local values are gone | `unix.rs` | `unix.rs` | `not_unix.rs`: std, which may panic then |
//! | `block_broken_pipe_signal` | a write to a closed pipe never ends the program on this thread | `unix.rs` | `unix.rs` | `not_unix.rs`: nothing to do |
//! | `sleep_while`, `wake` | a thread sleeps while a word has a value, at most for a time; async-signal-safe, `errno` stays | `linux.rs`: a futex | `portable.rs`: short sleeps, and nobody needs to wake | the same |
//! | `stderr` | standard error without a lock that another thread may hold | `unix.rs` | `unix.rs` | `not_unix.rs`: with the standard library's lock |
//! | `create_private`, `open_private` | a new file, or one that exists, which only its owner may read; no symbolic link, no FIFO | `private_file.rs` | `private_file.rs` | `not_unix.rs`: with the rights of its folder |
//! | `try_lock`, `unlock` | the lock of an open file, against other descriptors of this process and of others | `unix.rs` | `unix.rs` | `not_unix.rs`: always free |
//! | `read_start` | the first bytes of an open file, by one system call | `unix.rs` | `unix.rs` | `not_unix.rs`: an error |
//! | `machine` | usable CPUs, physical cores, CPU times of threads and processes | `machine.rs`: files | the same files, which don't exist: not known | the same |
//! | `signal_name` | the name of a signal, as in `SIGKILL` | `unix.rs` | `unix.rs` | `not_unix.rs`: none |
//!
//! To port this crate to a system, write a file beside `linux.rs` with the functions that `portable.rs` has, and choose it
//! below. The other lines with `target_os` in this crate are for what only Linux has: `testing::region` (the tests' shared
//! memory), the sampler (`collector/worker.rs`) and tests of rings whose memory is given back.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{counter_is_clock, is_elevated, monotonic_ns, realtime_ns, thread_id};
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) use linux::{page_bytes, sleep_while, wake, Reserved};

pub(crate) mod machine;

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{counter_is_clock, is_elevated, monotonic_ns, page_bytes, realtime_ns, thread_id, Reserved};
#[cfg(all(not(target_os = "linux"), not(loom)))]
pub(crate) use portable::{sleep_while, wake};

#[cfg(unix)]
pub(crate) use std::os::unix::process::parent_id;

#[cfg(unix)]
mod private_file;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use private_file::{create_private, open_private};
#[cfg(unix)]
pub(crate) use unix::{
    at_exit, at_fork_child, block_broken_pipe_signal, read_start, signal_name, spawn_at_end, stderr, try_lock, unlock,
};

#[cfg(not(unix))]
mod not_unix;
#[cfg(not(unix))]
pub(crate) use not_unix::{
    at_exit, at_fork_child, block_broken_pipe_signal, create_private, open_private, parent_id, read_start, signal_name,
    spawn_at_end, stderr, try_lock, unlock,
};

pub(crate) use std::process::id as process_id;
