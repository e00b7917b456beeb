//! Ends a worker when its parent is dead.
//!
//! stdin is a pipe that the parent keeps open and never writes to. It closes when the parent ends, for any reason. (The kernel
//! sends its parent-death signal already when the *thread* that started the worker ends.)

use crate::process;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

/// The exit code of a worker whose parent died.
const ORPHANED: i32 = 97;

/// Takes over stdin and watches it. From then on the process exits when its parent is dead.
pub(super) fn watch() -> io::Result<()> {
    let mut pipe = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    process::close_stdin()?;
    let watch = move || {
        let mut ignored = [0; 64];
        loop {
            match pipe.read(&mut ignored) {
                Ok(0) => process::exit_now(ORPHANED),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => process::exit_now(ORPHANED),
                Ok(_) | Err(_) => {}
            }
        }
    };
    std::thread::Builder::new().name(String::from("heirloom-parent")).spawn(watch)?;
    Ok(())
}

/// Names the process for `ps` and `top`. They show `exe` for a program that was started through `/proc/self/exe`.
pub(super) fn name_this_process(name: &str) {
    if std::fs::read_to_string("/proc/self/comm").is_ok_and(|comm| comm.trim_end() == "exe") {
        drop(std::fs::write("/proc/self/comm", name));
    }
}
