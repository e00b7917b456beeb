//! The dictionary of static names: a number for each text, the same in the whole process.
//!
//! Append-only. An entry is made under the lock before its number appears in any record, and the collector takes the lock
//! when it meets a number that it doesn't know; so whoever reads a record can read its name.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How many static names there may be: far more than a program has, unless it leaks texts to make them static. Beyond
/// that, names travel inline.
const MAX_NAMES: usize = 65_536;

#[derive(Default)]
struct Dictionary {
    ids: HashMap<&'static str, u32>,
    names: Vec<&'static str>,
}

fn lock() -> MutexGuard<'static, Dictionary> {
    static DICTIONARY: OnceLock<Mutex<Dictionary>> = OnceLock::new();
    DICTIONARY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of a name, never zero; `None` if the dictionary is full. Takes a lock, and allocates for a new name.
pub(crate) fn id_of(name: &'static str) -> Option<u32> {
    let mut dictionary = lock();
    if let Some(id) = dictionary.ids.get(name) {
        return Some(*id);
    }
    if dictionary.names.len() >= MAX_NAMES {
        return None;
    }
    dictionary.names.push(name);
    let id = dictionary.names.len() as u32;
    dictionary.ids.insert(name, id);
    Some(id)
}

/// A reader's copy of the dictionary, renewed when it meets a new number.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<&'static str>);

impl Names {
    /// The name with this number.
    #[inline]
    pub(crate) fn get(&mut self, id: u32) -> Option<&'static str> {
        let index = (id as usize).checked_sub(1)?;
        if index >= self.0.len() {
            self.0 = lock().names.clone();
        }
        self.0.get(index).copied()
    }
}
