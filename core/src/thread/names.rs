//! The numbers of static names: a cache by address, in front of the dictionary.

use super::ThreadState;
use crate::dictionary;
use crate::life::forked;
use crate::name::Text;
use crate::text::cut;
use crate::wire::WireName;
use crate::Name;
use std::sync::atomic::{compiler_fence, Ordering};

/// The number of entries in the cache: a power of two. A name is in the entry for its address or in the one beside it. So
/// collisions are rare among the dozens of names that a thread uses; a miss takes a lock.
pub(super) const NAMES: usize = 256;

#[derive(Clone, Copy)]
pub(super) struct CachedName {
    address: usize,
    length: usize,
    id: u32,
}

impl CachedName {
    pub(super) const NONE: Self = Self { address: 0, length: 0, id: 0 };

    #[inline(always)]
    fn is(&self, name: &'static str) -> bool {
        self.address == name.as_ptr() as usize && self.length == name.len()
    }
}

impl ThreadState {
    /// The number of a static name, if it is in the cache; else zero.
    #[inline(always)]
    pub(crate) fn cached_name(&self, name: &'static str) -> u32 {
        let home = name_index(name);
        let cached = self.names[home].get();
        if cached.is(name) {
            return cached.id;
        }
        let cached = self.names[home ^ 1].get();
        if cached.is(name) {
            cached.id
        } else {
            0
        }
    }

    /// The number of a static name: from the cache, else from the dictionary. `None` if the record must contain its text.
    pub(crate) fn name_id(&self, name: &'static str) -> Option<u32> {
        match self.cached_name(name) {
            0 => self.look_up(name_index(name), name),
            id => Some(id),
        }
    }

    #[cold]
    fn look_up(&self, index: usize, name: &'static str) -> Option<u32> {
        if forked() || self.taken.replace(true) {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        let id = dictionary::id_of(name);
        if let Some(id) = id {
            // The old entry moves to the neighbouring place, where a look-up still finds it.
            self.names[index ^ 1].set(self.names[index].get());
            self.names[index].set(CachedName { address: name.as_ptr() as usize, length: name.len(), id });
        }
        compiler_fence(Ordering::SeqCst);
        self.taken.set(false);
        id
    }

    pub(crate) fn place_static<'a>(&self, text: &'static str) -> WireName<&'a str> {
        match self.name_id(text) {
            Some(id) => WireName::Id(id),
            None => WireName::Inline(cut(text, Name::MAX_BYTES)),
        }
    }

    #[inline(always)]
    pub(crate) fn wire_name<'a>(&self, name: &'a Name<'_>) -> WireName<&'a str> {
        match &name.0 {
            Text::Static(text) => self.place_static(text),
            Text::Dynamic(text) => WireName::Inline(cut(text, Name::MAX_BYTES)),
        }
    }
}

/// The entry for a static name. It depends on the address alone: the same text at two addresses has two entries.
#[inline(always)]
fn name_index(name: &'static str) -> usize {
    let spread = (name.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread >> (u64::BITS - NAMES.trailing_zeros())) as usize
}
