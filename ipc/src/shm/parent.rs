//! The parent's side: makes a region for a command's child, and passes it to the child.

use super::memory::Memory;
use super::sys::{self, Map};
use super::variable::{Place, VARIABLE};
use crate::env;
use crate::process::{Exit, Watched, Watcher};
use heirloom_core::region::{Death, HostError, Region, RegionReport};
use heirloom_core::{Context, Tracer};
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// The variables for what a program writes when it finishes. An attached child has nothing to write: its spans are its parent's.
const OUTPUTS: [&str; 3] = [env::TRACE_FILE, "HEIRLOOM_TRACE_BYTES", "HEIRLOOM_TREE"];

/// The reason why a child has no region. The child still runs, and finds its parent's context in its environment.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegionError {
    /// The context belongs to no running tracer.
    NoTracer,
    /// The tracer can't attach a child.
    Host(HostError),
    /// A system call failed.
    System {
        /// Its purpose.
        what: &'static str,
        /// Its error.
        error: io::Error,
    },
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegionError::NoTracer => f.write_str(
                "the context belongs to no running tracer, so the child can't attach to it; start the tracer first",
            ),
            RegionError::Host(error) => error.fmt(f),
            RegionError::System { what, error } => write!(f, "can't {what} for a child's region: {error}"),
        }
    }
}

impl std::error::Error for RegionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RegionError::NoTracer => None,
            RegionError::Host(error) => Some(error),
            RegionError::System { error, .. } => Some(error),
        }
    }
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> RegionError {
    move |error| RegionError::System { what, error }
}

/// A region for the next child of a command.
#[derive(Debug)]
pub struct Attaching {
    region: Region,
    watcher: &'static Watcher,
    _kept: Kept,
    /// Closed in this process once the child has its descriptors.
    _file: OwnedFd,
}

/// The descriptors that the child keeps, as long as this value exists. A command that is used again must not pass the first
/// child's descriptors to another child.
#[derive(Debug)]
struct Kept(Arc<[AtomicI32; 2]>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.iter().for_each(|fd| fd.store(-1, Ordering::Relaxed));
    }
}

/// The region of a running child.
#[derive(Clone, Debug)]
pub struct Attached {
    region: Arc<Region>,
}

/// The memory file of a region, mapped: as large as the system allows, but no more than half of the address space that is left.
/// The other half is the program's.
fn memory(tracer: &Tracer) -> Result<(OwnedFd, Map), RegionError> {
    let mut refused = None;
    for bytes in Region::lengths(tracer) {
        let made = sys::memory_file(bytes).map_err(system("make a memory file")).and_then(|file| {
            let map = Map::new(file.as_fd(), bytes).map_err(system("map the memory file"))?;
            sys::is_free(bytes).map_err(system("map twice the length of the memory file"))?;
            Ok((file, map))
        });
        match made {
            Ok(made) => return Ok(made),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or(RegionError::NoTracer))
}

impl Attaching {
    /// Makes a region of this context's tracer, which the command's next child inherits. Processes that the child starts don't
    /// inherit it.
    ///
    /// The child doesn't inherit `HEIRLOOM_TRACE_FILE`, `HEIRLOOM_TRACE_BYTES` and `HEIRLOOM_TREE`, unless the command sets them:
    /// its spans are in its parent's file and tree.
    ///
    /// # Errors
    /// The context has no running tracer with a collector, or the system has no memory or descriptors left. The command is then
    /// unchanged, except that the variable is removed from its environment.
    pub fn prepare(command: &mut Command, cx: impl Into<Context>) -> Result<Self, RegionError> {
        command.env_remove(VARIABLE);
        let tracer = Tracer::of(cx.into()).ok_or(RegionError::NoTracer)?;
        let watcher = Watcher::get().map_err(system("start the watching thread"))?;
        let (file, map) = memory(&tracer)?;
        let (length, inode) =
            sys::length_and_inode(file.as_raw_fd()).map_err(system("read the size of the memory file"))?;
        let event = watcher.event().map_err(system("make an event"))?;
        let child_event = event.as_raw_fd();
        let second = file.try_clone().map_err(system("duplicate a descriptor"))?;
        let memory = Memory::new(file, event, map);
        let nonce = nonce();
        let place = Place { memory: second.as_raw_fd(), event: child_event, bytes: length, inode, nonce };
        let region = Region::host(&tracer, Box::new(memory), nonce).map_err(RegionError::Host)?;
        let kept = Kept(Arc::new([AtomicI32::new(place.memory), AtomicI32::new(place.event)]));
        command.env(VARIABLE, place.to_string());
        OUTPUTS.iter().for_each(|variable| env::keep(command, variable));
        let (keep, heir) = (Arc::clone(&kept.0), region.heir());
        sys::in_child(command, move || {
            let kept = [0, 1].map(|i: usize| keep[i].load(Ordering::Relaxed) as RawFd);
            if kept[0] >= 0 {
                heir.is_this_process();
            }
            kept
        });
        Ok(Self { region, watcher, _kept: kept, _file: second })
    }

    /// Call this once the child runs. From then on its end is watched.
    pub fn started(self, pid: u32) -> Attached {
        let watcher = self.watcher;
        let attached = self.started_unwatched(pid);
        // Never fails on Linux.
        drop(watcher.watch(pid, Box::new(attached.clone())));
        attached
    }

    /// As [`started`](Self::started), for a caller that watches the child itself and passes its exit on to the result.
    pub(crate) fn started_unwatched(self, pid: u32) -> Attached {
        self.region.started(pid);
        Attached { region: Arc::new(self.region) }
    }
}

impl Attached {
    /// The child has ended like this. For callers that know it before the watcher does.
    pub fn died(&self, death: Death) {
        self.region.died(death);
    }

    /// This process is about to kill the child for this reason. The spans that the child leaves open have the reason in their
    /// status. The first reason counts.
    pub fn killing(&self, reason: &str) {
        self.region.killing(reason);
    }

    /// Whether the child has attached. If so, it uses Heirloom and has started its tracer.
    pub fn is_attached(&self) -> bool {
        self.region.is_attached()
    }

    /// Waits until the collector has read everything that the dead child left, for at most `timeout`.
    pub fn wait_closed(&self, timeout: Duration) -> Option<RegionReport> {
        self.region.wait_closed(timeout)
    }
}

impl Watched for Attached {
    fn rung(&self) {
        self.region.wake_collector();
    }

    fn ended(&self, exit: &Exit) {
        self.died(match (exit.code, exit.signal) {
            (Some(code), _) => Death::Exited(code),
            (None, Some(signal)) => Death::Killed(signal),
            (None, None) => Death::Unknown,
        });
    }
}

/// A random number. The operating system seeds it through the standard library's hasher.
fn nonce() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
