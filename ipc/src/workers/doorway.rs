//! The socket to which a new worker connects, under a name that no file has.
//!
//! `ipc-channel` makes the socket in a temporary directory, which is left behind if this process is killed before the worker has
//! connected. So on Linux the files are removed at once. The socket stays reachable by a descriptor of it: connecting to the
//! descriptor's entry in `/proc` connects to the socket.

use rustix::fs::{open, Mode, OFlags};
use rustix::process::{dumpable_behavior, DumpableBehavior};
use std::fs::{remove_dir, remove_file};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// The name of a socket, which is valid as long as this value exists.
pub(super) struct Doorway {
    name: String,
    _socket: Option<OwnedFd>,
}

impl Doorway {
    /// Removes the file of a socket, and the directory that contains only the file. If the socket can't be reached in
    /// another way, the file stays until the server is dropped.
    pub(super) fn to(file: String) -> Self {
        // The kernel hides the descriptors of a process without this property from processes of the same user.
        let readable = dumpable_behavior().is_ok_and(|dumpable| dumpable == DumpableBehavior::Dumpable);
        let socket = readable.then(|| open(&file, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty()));
        let Some(Ok(socket)) = socket else { return Self { name: file, _socket: None } };
        let name = format!("/proc/{}/fd/{}", std::process::id(), socket.as_raw_fd());
        if !Path::new(&name).exists() {
            return Self { name: file, _socket: None };
        }
        let removed = remove_file(&file);
        // The server removes what is left, in its drop.
        drop(removed.and_then(|()| Path::new(&file).parent().map_or(Ok(()), remove_dir)));
        Self { name, _socket: Some(socket) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}
