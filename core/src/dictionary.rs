//! The dictionary of static names: a number for each text, the same in the whole process.
//!
//! Append-only. An entry is added under the lock before its number appears in any record, and the collector takes the
//! lock when it reads a number that it doesn't know. So the reader of a record can always read its name.

use crate::life::PerProcess;
use crate::text::cut;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most static names: far more than a program has, unless it leaks texts to make them static. Records contain the
/// text of further names. A Begin has 16 bits for a number, and none is zero.
const MAX_NAMES: usize = 65_535;
/// The most bytes of names from other processes, because they are never freed. Those names may take half of the numbers.
const MAX_ADOPTED_BYTES: usize = 4 << 20;

/// Takes a name, in the order of the numbers, and returns whether there was room for it.
pub(crate) type Sink = Box<dyn Fn(&str) -> bool + Send>;

#[derive(Default)]
struct Dictionary {
    ids: HashMap<&'static str, u32>,
    names: Vec<&'static str>,
    /// Passes the names to the parent of this process.
    sink: Option<Sink>,
    /// Bytes of names from other processes.
    adopted_bytes: usize,
}

fn lock() -> MutexGuard<'static, Dictionary> {
    static DICTIONARY: PerProcess<Mutex<Dictionary>> = PerProcess::new();
    DICTIONARY.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a name, never zero; `None` if the dictionary is full. Takes a lock, and allocates for a new name.
pub(crate) fn id_of(name: &'static str) -> Option<u32> {
    let mut dictionary = lock();
    if let Some(id) = dictionary.ids.get(name) {
        return Some(*id);
    }
    dictionary.add(name)
}

/// The number of a name from another process; `None` if the dictionary is full. The text is never freed, so the total
/// length is limited.
pub(crate) fn adopt(name: &str) -> Option<u32> {
    let mut dictionary = lock();
    if let Some(id) = dictionary.ids.get(name) {
        return Some(*id);
    }
    let bytes = dictionary.adopted_bytes + name.len();
    if bytes > MAX_ADOPTED_BYTES || dictionary.names.len() >= MAX_NAMES / 2 {
        return None;
    }
    dictionary.adopted_bytes = bytes;
    dictionary.add(Box::leak(name.into()))
}

/// The number of a name, if it has one.
pub(crate) fn known(name: &str) -> Option<u32> {
    lock().ids.get(name).copied()
}

/// Passes all names to `sink`, cut to its maximum: existing ones now, later ones as they come. Returns whether there was
/// room. If not, `sink` gets no more.
pub(crate) fn publish_to(sink: Sink, max_name_bytes: usize) -> bool {
    let mut dictionary = lock();
    let done = dictionary.names.iter().all(|name| sink(cut(name, max_name_bytes)));
    dictionary.sink = done.then_some(sink);
    done
}

impl Dictionary {
    fn add(&mut self, name: &'static str) -> Option<u32> {
        if self.names.len() >= MAX_NAMES || self.sink.as_ref().is_some_and(|sink| !sink(name)) {
            return None;
        }
        self.names.push(name);
        let id = self.names.len() as u32;
        self.ids.insert(name, id);
        Some(id)
    }
}

/// A copy of the dictionary. Copies of a copy share its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<[&'static str]>);

impl Names {
    /// All names so far.
    pub(crate) fn now() -> Self {
        Self(lock().names.as_slice().into())
    }

    /// The number of names. They have the numbers from 1.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The name with this number; empty if this copy doesn't have it.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &'static str {
        (id as usize).checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or("")
    }
}
