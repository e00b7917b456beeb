//! Finds a tracer by the number in a context; the global tracer.
//!
//! A key is an index (from 1) and a generation. After its tracer has finished, an index is reused with the next
//! generation. So a context that outlived its tracer finds no tracer instead of another one.

use super::shared::Shared;
use crate::context::TracerKey;
use crate::life;
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many tracers may run at the same time, far below the 65,535 that an index can tell apart.
const MAX_TRACERS: usize = 4096;

#[derive(Debug, Default)]
struct Table(Vec<Entry>);

#[derive(Debug, Default)]
struct Entry {
    generation: u16,
    tracer: Option<Arc<Shared>>,
}

static TABLE: Mutex<Table> = Mutex::new(Table(Vec::new()));
/// The key of the global tracer, and the tracer. They change together, under the table's lock.
static GLOBAL: AtomicU32 = AtomicU32::new(0);
static GLOBAL_TRACER: ArcSwapOption<Shared> = ArcSwapOption::const_empty();

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn split(key: TracerKey) -> Option<(usize, u16)> {
    Some((((key >> 16) as usize).checked_sub(1)?, key as u16))
}

/// The tracer with this key, if it runs.
pub(crate) fn find(key: TracerKey) -> Option<Arc<Shared>> {
    let (index, generation) = split(key)?;
    if life::forked() {
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
            table.0.push(Entry::default());
            table.0.len() - 1
        }
        None => return None,
    };
    let entry = &mut table.0[index];
    entry.generation = entry.generation.wrapping_add(1);
    let made = make((index as u32 + 1) << 16 | u32::from(entry.generation));
    if let Ok(tracer) = &made {
        entry.tracer = Some(Arc::clone(tracer));
    }
    Some(made)
}

/// Removes a tracer that has finished.
pub(crate) fn remove(key: TracerKey) {
    let Some((index, generation)) = split(key) else { return };
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
    match life::forked() {
        true => None,
        false => GLOBAL_TRACER.load_full(),
    }
}

pub(crate) fn set_global(tracer: &Arc<Shared>) {
    let _changing = table();
    GLOBAL_TRACER.store(Some(Arc::clone(tracer)));
    GLOBAL.store(tracer.key, Ordering::Release);
}
