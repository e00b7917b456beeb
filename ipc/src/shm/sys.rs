//! The system calls that a region needs. Each function wraps one call and returns its error.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;

const NAME: &CStr = c"heirloom-region";
/// `MFD_NOEXEC_SEAL`, from Linux 6.3 on: the memory can't be executed.
const NOEXEC_SEAL: libc::c_uint = 8;
/// The seals of a region's memory: no process can shorten it, extend it, or change the seals.
pub(super) const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

fn done(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn owned(result: libc::c_int) -> io::Result<OwnedFd> {
    let fd = done(result)?;
    // SAFETY: the system has just made this descriptor, and no other code has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An anonymous memory file of this many zeroed bytes, sealed, and closed on exec.
pub(super) fn memory_file(bytes: usize) -> io::Result<OwnedFd> {
    let length = libc::off_t::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
    if bytes as u64 > max_file_bytes() {
        // The next call would raise SIGXFSZ, which kills the process.
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let new = |flags| {
        // SAFETY: the name ends with a zero.
        owned(unsafe { libc::memfd_create(NAME.as_ptr(), flags) })
    };
    let file = match new(flags | NOEXEC_SEAL) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => new(flags)?,
        made => made?,
    };
    // SAFETY: no memory is touched.
    done(unsafe { libc::ftruncate(file.as_raw_fd(), length) })?;
    // SAFETY: as above.
    done(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
    Ok(file)
}

/// `RLIMIT_FSIZE`.
fn max_file_bytes() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live rlimit.
    match unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } {
        0 => limit.rlim_cur,
        _ => u64::MAX,
    }
}

/// The seals of a file; an error if it has none, or there is no such descriptor.
pub(super) fn seals(file: RawFd) -> io::Result<libc::c_int> {
    // SAFETY: no memory is touched.
    done(unsafe { libc::fcntl(file, libc::F_GET_SEALS) })
}

/// Length and inode of a file.
pub(super) fn length_and_inode(file: RawFd) -> io::Result<(u64, u64)> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the pointer is to memory for a stat.
    done(unsafe { libc::fstat(file, stat.as_mut_ptr()) })?;
    // SAFETY: the call has filled it in.
    let stat = unsafe { stat.assume_init() };
    Ok((stat.st_size as u64, stat.st_ino))
}

/// A second descriptor of the same file, closed on exec.
pub(super) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: no memory is touched.
    owned(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })
}

/// Whether the descriptor stays open when this process executes another program. Async-signal-safe.
pub(super) fn keep_on_exec(fd: RawFd, keep: bool) -> io::Result<()> {
    // SAFETY: no memory is touched.
    done(unsafe { libc::fcntl(fd, libc::F_SETFD, if keep { 0 } else { libc::FD_CLOEXEC }) }).map(drop)
}

/// A mapping of a whole file, readable and writable, left out of core dumps.
#[derive(Debug)]
pub(super) struct Map(NonNull<[u8]>);

// SAFETY: it is an address. The region's protocol says which code may access the memory.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    pub(super) fn new(file: BorrowedFd<'_>, bytes: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let none = std::ptr::null_mut();
        // SAFETY: a new mapping, at an address of the system's choice.
        let at = unsafe { libc::mmap(none, bytes, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the range was mapped above. If the advice is refused, dumps are larger.
        unsafe { libc::madvise(at, bytes, libc::MADV_DONTDUMP) };
        let at = NonNull::new(at.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self(NonNull::slice_from_raw_parts(at, bytes)))
    }

    pub(super) fn memory(&self) -> NonNull<[u8]> {
        self.0
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and dropped once.
        unsafe { libc::munmap(self.0.as_ptr().cast(), self.0.len()) };
    }
}

/// Whether this process could map as many bytes as these. They are reserved and given back; no memory is used.
pub(super) fn is_free(bytes: usize) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, at an address of the system's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the range was mapped above, and nothing else knows of it.
    done(unsafe { libc::munmap(at, bytes) }).map(drop)
}

/// Allocates the pages of a range.
pub(super) fn allocate(file: BorrowedFd<'_>, range: Range<usize>) -> io::Result<()> {
    fallocate(file, 0, range)
}

/// Gives the pages of a range back. Without support for it, they stay.
pub(super) fn punch(file: BorrowedFd<'_>, range: Range<usize>) {
    drop(fallocate(file, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, range));
}

fn fallocate(file: BorrowedFd<'_>, mode: libc::c_int, range: Range<usize>) -> io::Result<()> {
    let (offset, length) = (range.start as libc::off_t, range.len() as libc::off_t);
    loop {
        // SAFETY: no words of a mapping are touched, or they are those of a ring that nothing reads or writes meanwhile.
        match done(unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, length) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// Makes a command's child keep descriptors that close on exec in every other child. `keep` runs in the child, between fork and
/// exec. It may use only atomics and `getpid`.
pub(super) fn in_child(command: &mut std::process::Command, keep: impl Fn() -> [RawFd; 2] + Send + Sync + 'static) {
    use std::os::unix::process::CommandExt;
    let run = move || keep().into_iter().filter(|fd| *fd >= 0).try_for_each(|fd| keep_on_exec(fd, true));
    // SAFETY: the closure loads and stores atomics and calls getpid and fcntl, which are async-signal-safe; it neither allocates
    // nor locks.
    unsafe { command.pre_exec(run) };
}
