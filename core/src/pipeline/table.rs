//! Finds a tracer by the number in a context; the global tracer.
//!
//! A key is the number of the process among those that forked from each other (6 bits), an index (10 bits, from 1) and a
//! generation (16 bits). After its tracer has finished, an index is reused with the next generation. So a context that
//! outlived its tracer finds no tracer instead of another one. The child of a fork has a new table, and a context of its
//! parent's tracer is *foreign* there.

use super::shared::Shared;
use crate::context::TracerKey;
use crate::life::{self, PerProcess};
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many tracers may run at the same time: the indices from 1, without the last one, so that no key is `u32::MAX`.
const MAX_TRACERS: usize = (1 << INDEX_BITS) - 2;
const INDEX_BITS: u32 = 10;
const PROCESS_SHIFT: u32 = 16 + INDEX_BITS;

#[derive(Debug, Default)]
struct Table(Vec<Entry>);

#[derive(Debug, Default)]
struct Entry {
    generation: u16,
    tracer: Option<Arc<Shared>>,
}

static TABLE: PerProcess<Mutex<Table>> = PerProcess::new();
/// The key of the global tracer, and the tracer. They change together, under the table's lock.
static GLOBAL: AtomicU32 = AtomicU32::new(0);
static GLOBAL_TRACER: ArcSwapOption<Shared> = ArcSwapOption::const_empty();

fn table() -> MutexGuard<'static, Table> {
    TABLE.get().lock().unwrap_or_else(PoisonError::into_inner)
}

fn split(key: TracerKey) -> Option<(usize, u16)> {
    Some((((key >> 16) as usize & ((1 << INDEX_BITS) - 1)).checked_sub(1)?, key as u16))
}

/// The part of this process's keys that names it.
fn process_bits() -> TracerKey {
    life::process() << PROCESS_SHIFT
}

/// Whether a key is that of a tracer of another process, from which this one was forked.
pub(crate) fn is_foreign(key: TracerKey) -> bool {
    key != 0 && key & (!0 << PROCESS_SHIFT) != process_bits()
}

/// The tracer with this key, if it runs.
pub(crate) fn find(key: TracerKey) -> Option<Arc<Shared>> {
    let (index, generation) = split(key)?;
    if life::forked() || is_foreign(key) {
        return None;
    }
    let table = table();
    let entry = table.0.get(index)?;
    entry.tracer.as_ref().filter(|_| entry.generation == generation).cloned()
}

/// Adds the tracer that `make` returns for its key; `None` if there are too many.
pub(crate) fn add<E>(make: impl FnOnce(TracerKey) -> Result<Arc<Shared>, E>) -> Option<Result<Arc<Shared>, E>> {
    let mut table = table();
    let index = match table.0.iter().position(|entry| entry.tracer.is_none()) {
        Some(index) => index,
        None if table.0.len() < MAX_TRACERS => {
            // After 64 forks in a row the numbers of processes repeat, with other generations.
            table.0.push(Entry { generation: (life::process() >> 6) as u16, tracer: None });
            table.0.len() - 1
        }
        None => return None,
    };
    let entry = &mut table.0[index];
    entry.generation = entry.generation.wrapping_add(1);
    let made = make(process_bits() | (index as u32 + 1) << 16 | u32::from(entry.generation));
    if let Ok(tracer) = &made {
        entry.tracer = Some(Arc::clone(tracer));
    }
    Some(made)
}

/// Removes a tracer that has finished.
pub(crate) fn remove(key: TracerKey) {
    let Some((index, generation)) = split(key).filter(|_| !is_foreign(key)) else { return };
    let mut table = table();
    if GLOBAL.compare_exchange(key, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        GLOBAL_TRACER.store(None);
    }
    if let Some(entry) = table.0.get_mut(index).filter(|entry| entry.generation == generation) {
        let tracer = entry.tracer.take();
        drop(table);
        drop(tracer);
    }
}

/// The key of the global tracer; zero if there is none.
#[inline]
pub(crate) fn global_key() -> TracerKey {
    GLOBAL.load(Ordering::Acquire)
}

/// The global tracer, if there is one. Takes no lock.
pub(crate) fn global() -> Option<Arc<Shared>> {
    GLOBAL_TRACER.load_full().filter(|tracer| !tracer.is_foreign())
}

pub(crate) fn set_global(tracer: &Arc<Shared>) {
    let _changing = table();
    let before = GLOBAL_TRACER.swap(Some(Arc::clone(tracer)));
    GLOBAL.store(tracer.key, Ordering::Release);
    if let Some(parents) = before.filter(|before| before.is_foreign()) {
        // Its locks may be held permanently, by threads that exist only in the parent.
        std::mem::forget(parents);
    }
}

/// Runs in the child of a fork: there is no global tracer. Async-signal-safe.
pub(crate) fn after_fork() {
    GLOBAL.store(0, Ordering::Relaxed);
}
