//! Files that only their owner may read, opened so that another user can't choose the file that is written.

use super::unix::effective_user;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Read and write for the owner, nothing for anyone else.
const OWNER_ONLY: u32 = 0o600;

/// Creates a file. An error of the kind `AlreadyExists` if the path has one, even a symbolic link that leads nowhere.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

/// Opens a file that exists, for writing. Its content stays. It becomes readable for its owner only.
///
/// # Errors
/// It is a symbolic link, or not a regular file, or it has other names (hard links), or another user owns it.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let file = options().open(path).map_err(explain)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused(NOT_REGULAR));
    }
    if metadata.nlink() > 1 {
        return Err(refused("the file has other names (hard links), and writing would change those too; remove it"));
    }
    if metadata.uid() != effective_user() {
        return Err(refused("the file belongs to another user, who could read it; remove it"));
    }
    if metadata.mode() & 0o777 != OWNER_ONLY {
        // A file system without rights refuses. It has those of its mount.
        drop(file.set_permissions(Permissions::from_mode(OWNER_ONLY)));
    }
    Ok(file)
}

const NOT_REGULAR: &str = "it is not a regular file but a folder, a device, a FIFO or a socket";

/// Doesn't follow a symbolic link in the last part of the path, and doesn't wait for the reader of a FIFO.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(OWNER_ONLY).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ELOOP) => refused("it is a symbolic link, which is not followed; name the file that it leads to"),
        Some(libc::ENXIO | libc::EISDIR) => refused(NOT_REGULAR),
        _ => error,
    }
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
