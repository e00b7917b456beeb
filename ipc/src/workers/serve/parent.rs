//! What a worker does about its parent: it ends when the parent is dead.
//!
//! stdin is a pipe that the parent holds open and never writes to. It ends with the parent, however that ends. (The
//! kernel's parent-death signal would come when the *thread* ends that started the worker.)

use crate::process;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

/// The exit code of a worker whose parent died.
const ORPHANED: i32 = 97;

/// Takes stdin and watches it. From now on the process ends when its parent is dead.
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

/// So that `ps` and `top` show which worker it is: a program that was started through `/proc/self/exe` is called `exe`.
pub(super) fn name_this_process(name: &str) {
    if std::fs::read_to_string("/proc/self/comm").is_ok_and(|comm| comm.trim_end() == "exe") {
        drop(std::fs::write("/proc/self/comm", name));
    }
}
