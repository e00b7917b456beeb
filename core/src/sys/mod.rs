//! The operating system behind one contract: porting to another one is a matter of one file.
//!
//! | function | contract |
//! |---|---|
//! | `process_id` | this process's id |
//! | `thread_id` | this thread's id as the system's tools show it |
//! | `monotonic_ns` | a clock in nanoseconds that never goes back |
//! | `realtime_ns` | nanoseconds since 1970 (UTC) |
//! | `counter_is_clock` | whether the kernel itself takes its time from the processor's counter |
//! | `is_elevated` | whether the program has more rights than whoever started it: then its environment is not trusted |
//! | `at_exit` | runs a function when the process exits normally (`return` from main, `exit`) |
//! | `signal_name` | the name of a signal, as in `SIGKILL` |
//! | `at_fork_child` | runs a function in the child of a `fork`, before it returns there |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    at_exit, at_fork_child, counter_is_clock, is_elevated, monotonic_ns, realtime_ns, signal_name, thread_id,
};

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{
    at_exit, at_fork_child, counter_is_clock, is_elevated, monotonic_ns, realtime_ns, signal_name, thread_id,
};

pub(crate) use std::process::id as process_id;
