//! Tests of programs with more rights than their user.

use std::os::unix::fs::{chown, PermissionsExt};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The user "nobody".
const OTHER_USER: u32 = 65_534;

/// Runs a command of this test program, such as that of [`again`](crate::again), by a copy of the program that has the rights of
/// another user (set-user-id). `None`, with a line that says why, where that isn't possible.
///
/// # Panics
/// The program can't be copied, or doesn't end in time.
#[track_caller]
pub fn elevated(command: &Command) -> Option<Output> {
    static COPIES: AtomicU32 = AtomicU32::new(0);
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let copy = env::temp_dir().join(format!("heirloom-{}-setuid-{number}", process::id()));
    // By another process: a file that is open for writing, here or in a child that another test has just forked, can't be
    // executed.
    let copied = Command::new("cp").arg(command.get_program()).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()), "{command:?} can't be copied to {copy:?}");
    let owned = chown(&copy, Some(OTHER_USER), None);
    let result = owned.map(|()| {
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).expect("the rights of a file of ours");
        let mut elevated = Command::new(&copy);
        elevated.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => elevated.env(name, value),
                None => elevated.env_remove(name),
            };
        }
        crate::output_of(&mut elevated)
    });
    fs::remove_file(&copy).expect("a file of ours");
    match result {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: only root can give a file to another user ({error})");
            None
        }
    }
}
