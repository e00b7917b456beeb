//! `--plant`: a fault on purpose, to see how the report names it.

use crate::index::{Entry, Partial, TokenCounts};
use heirloom::sync::Mutex;
use hmac_sha256::Hash;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the slow file is hashed.
const SLOW: Duration = Duration::from_secs(2);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// One file takes much longer than all others.
    SlowFile,
    /// The results of all files go through one lock, which is held while a file is scanned.
    Lock,
    /// A worker process is killed in the middle of a job.
    Kill,
}

impl Plant {
    pub(crate) fn parse(name: &OsStr) -> Result<Self, String> {
        match name.to_str() {
            Some("slow-file") => Ok(Self::SlowFile),
            Some("lock") => Ok(Self::Lock),
            Some("kill") => Ok(Self::Kill),
            _ => Err(format!("--plant takes slow-file, lock or kill, not {name:?}")),
        }
    }
}

/// Hashes these bytes again and again.
pub(crate) fn waste_time(bytes: &[u8]) {
    let start = Instant::now();
    while start.elapsed() < SLOW {
        std::hint::black_box(Hash::hash(std::hint::black_box(bytes)));
    }
}

/// The result of all files behind one lock.
pub(crate) struct Shared(Mutex<Partial>);

impl Shared {
    pub(crate) fn new(shards: usize) -> Self {
        Self(Mutex::named("partial results", Partial::new(shards)))
    }

    /// Scans a file and adds it. The lock is held for all of that, although only the adding needs it.
    pub(crate) fn add(&self, scan: impl FnOnce() -> (Entry, TokenCounts)) {
        let mut all = self.0.lock();
        all.add(scan());
    }

    pub(crate) fn into_inner(self) -> Partial {
        self.0.into_inner()
    }
}

/// A file that is there as long as no worker was killed.
pub(crate) struct Victim(PathBuf);

impl Victim {
    /// Creates the file, beside the index.
    pub(crate) fn create(index: &Path) -> io::Result<Self> {
        let mut name = OsString::from(index);
        name.push(format!(".kill-{}", std::process::id()));
        fs::write(&name, "")?;
        Ok(Self(name.into()))
    }

    pub(crate) fn file(&self) -> OsString {
        self.0.clone().into_os_string()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// In a worker: kills this process as the system would that has no memory left, if it is the first one to be told so.
pub(crate) fn die_once(victim: &OsStr) {
    if fs::remove_file(victim).is_ok() {
        let _ = Command::new("sh").args(["-c", "kill -9 $PPID"]).status();
    }
}
