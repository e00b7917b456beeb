//! What a lock is called, how long it was held, and how often.

use super::super::any_shard::on_tracers_shard;
use super::write::{put, Target};
use super::{stamp, Stamp};
use crate::mark_kind::{LockKind, MarkKind};
use crate::text::cut;
use crate::wire::Mark;
use std::io::Write;
use std::panic::Location;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The identity of a lock or a channel, as a part of it: its kind, and its name or the place where it was made. Its number and
/// its name are recorded with the first mark about it.
///
/// ```
/// use heirloom_core::mark::{Lock, LockKind};
/// static CACHE: Lock = Lock::named(LockKind::Mutex, "cache");
/// let here = Lock::new(LockKind::RwLock); // named by file and line
/// ```
#[derive(Debug)]
pub struct Lock {
    /// Zero until it is needed.
    id: AtomicU64,
    /// The tracer to which its name was recorded last.
    named_for: AtomicU32,
    kind: LockKind,
    label: Label,
}

#[derive(Debug)]
enum Label {
    Name(&'static str),
    Place(&'static Location<'static>),
}

impl Lock {
    /// A lock that is named by the place of the call.
    #[track_caller]
    pub const fn new(kind: LockKind) -> Lock {
        Self::with(kind, Label::Place(Location::caller()))
    }

    /// A lock with a name.
    pub const fn named(kind: LockKind, name: &'static str) -> Lock {
        Self::with(kind, Label::Name(name))
    }

    const fn with(kind: LockKind, label: Label) -> Lock {
        Self { id: AtomicU64::new(0), named_for: AtomicU32::new(0), kind, label }
    }

    /// Its number in the process, never zero. The first call draws it.
    pub(super) fn id(&self) -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        match self.id.load(Ordering::Relaxed) {
            0 => {
                let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
                self.id.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(new)
            }
            id => id,
        }
    }

    /// Calls `put` with its name if it isn't recorded for this tracer yet. `put` returns whether it was recorded. Two threads may
    /// both record it.
    pub(super) fn name_for(&self, tracer: u32, put: impl FnOnce(Mark, &str) -> bool) {
        if self.named_for.load(Ordering::Relaxed) == tracer {
            return;
        }
        let fields = [self.kind as u64, self.id(), 0, 0];
        let mark = Mark { kind: MarkKind::LockName, flags: 0, span: 0, tick: 0, length: 0, fields };
        let mut buffer = [0; Mark::MAX_TEXT_BYTES];
        if put(mark, self.label.text(&mut buffer)) {
            self.named_for.store(tracer, Ordering::Relaxed);
        }
    }
}

/// Appends a mark about a lock, after the lock's name if the tracer doesn't have it yet.
pub(super) fn put_about(target: Target, lock: &Lock, mark: Mark) {
    let _ = on_tracers_shard(target.tracer, |slot| {
        lock.name_for(target.tracer, |name, text| put(&slot, Mark { tick: mark.tick, ..name }, text));
        put(&slot, mark, "");
    });
}

impl Label {
    /// No allocation: it runs in the middle of a record.
    fn text<'a>(&self, buffer: &'a mut [u8; Mark::MAX_TEXT_BYTES]) -> &'a str {
        let mut rest = &mut buffer[..];
        let _ = match self {
            Label::Name(name) => rest.write_all(cut(name, Mark::MAX_TEXT_BYTES).as_bytes()),
            // The end of a long path is what differs.
            Label::Place(place) => write!(rest, "{}:{}", tail(place.file(), MAX_FILE_BYTES), place.line()),
        };
        let left = rest.len();
        let bytes = &buffer[..buffer.len() - left];
        bytes.utf8_chunks().next().map_or("", |whole| whole.valid())
    }
}

/// The longest part of a path in a name, in bytes: a line's number fits behind it.
const MAX_FILE_BYTES: usize = Mark::MAX_TEXT_BYTES - 16;

/// The last bytes of a text, from a character's boundary on.
fn tail(text: &str, max: usize) -> &str {
    let from = text.len().saturating_sub(max);
    (from..=text.len()).find_map(|at| text.get(at..)).unwrap_or("")
}

/// Records that the current span held a lock from a reading of the clock until now. `contended`: others waited for it. Otherwise it
/// is a sample of one hold in 64.
///
/// Cost: one clock read, one record.
pub fn held(lock: &Lock, from: Stamp, contended: bool) {
    held_until(lock, from, stamp(), contended);
}

/// As [`held`], until another reading of the clock.
pub fn held_until(lock: &Lock, from: Stamp, until: Stamp, contended: bool) {
    let Some(target) = Target::current() else { return };
    let fields = [u64::from(contended), lock.id(), 0, 0];
    put_about(target, lock, target.mark(MarkKind::Hold, from.0, from.ticks_until(until), fields));
}

/// Records what this thread did with a lock since it last recorded this: the number and the sum of the waits of at most a
/// microsecond, in ticks ([`Stamp::ticks_until`]), acquisitions, and hand-offs.
///
/// Cost: one clock read, one record.
pub fn lock_totals(lock: &Lock, short_waits: u64, short_wait_ticks: u64, acquisitions: u64, hand_offs: u64) {
    let Some(target) = Target::current() else { return };
    let fields = [short_waits, lock.id(), acquisitions, hand_offs];
    let mark = target.mark(MarkKind::LockTotals, stamp().0, short_wait_ticks, fields);
    put_about(target, lock, Mark { span: 0, ..mark });
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_named_by_its_name_or_by_the_place_where_it_was_made_and_never_longer_than_a_record_takes() {
        let named = |lock: &Lock| {
            let mut buffer = [0; Mark::MAX_TEXT_BYTES];
            lock.label.text(&mut buffer).to_owned()
        };
        assert_eq!(named(&Lock::named(LockKind::Mutex, "cache")), "cache");
        let (lock, line) = (Lock::new(LockKind::Channel), line!());
        assert!(named(&lock).ends_with(&format!("lock.rs:{line}")), "{}", named(&lock));
        let long: &str = String::leak(format!("a{}", "\u{f6}".repeat(200)));
        assert_eq!(named(&Lock::named(LockKind::Mutex, long)), format!("a{}", "\u{f6}".repeat(127)));
        assert_eq!(tail("a\u{f6}b", 2), "b");
        assert_eq!(tail("ab", 5), "ab");
    }

    #[test]
    fn each_lock_has_a_number_of_its_own_and_keeps_it() {
        let (one, two) = (Lock::new(LockKind::Mutex), Lock::new(LockKind::Mutex));
        assert!(one.id() != two.id() && one.id() != 0 && one.id() == one.id());
    }
}
