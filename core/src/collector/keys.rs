//! The names of the process, and which of them are keys of an instrumentation scope.

use crate::dictionary::Names;
use crate::export::ScopeRef;
use crate::wire::{Bytes, Packed, WireName};

/// A copy of the dictionary, renewed when the collector meets a new number.
#[derive(Debug, Default)]
pub(super) struct Keys {
    names: Names,
    /// For each name, whether it is a key of a scope.
    of_scope: Vec<bool>,
}

impl Keys {
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Whether a number is that of a name. Afterwards the name is in [`names`](Self::names).
    #[inline(always)]
    pub(super) fn knows(&mut self, id: u32) -> bool {
        id.wrapping_sub(1) < self.of_scope.len() as u32 || self.learn(id)
    }

    #[cold]
    #[inline(never)]
    fn learn(&mut self, id: u32) -> bool {
        self.names = Names::now();
        self.of_scope = (1..=self.names.len()).map(|id| ScopeRef::has(self.names.get(id as u32).as_bytes())).collect();
        id.wrapping_sub(1) < self.of_scope.len() as u32
    }

    /// Whether a number that is new is that of a key of a scope; `None` if no name has it.
    #[cold]
    fn learned(&mut self, id: u32) -> Option<bool> {
        self.learn(id).then(|| self.of_scope[id as usize - 1])
    }

    /// A name, if it is a text or its number is known.
    pub(super) fn known<'a>(&mut self, name: WireName<Bytes<'a>>) -> Option<WireName<Bytes<'a>>> {
        match name {
            WireName::Id(id) => self.knows(id).then_some(name),
            WireName::Inline(_) => Some(name),
        }
    }

    /// Whether a number is that of a key of a scope; `None` if no name has it.
    #[inline(always)]
    pub(super) fn is_of_scope(&mut self, id: u32) -> Option<bool> {
        match self.of_scope.get(id.wrapping_sub(1) as usize) {
            Some(of_scope) => Some(*of_scope),
            None => self.learned(id),
        }
    }

    /// The attribute, marked if it is one of a scope; `None` if no name has the number of its key.
    #[inline(always)]
    pub(super) fn placed<'a>(&mut self, packed: Packed<'a>) -> Option<Packed<'a>> {
        let of_scope = match packed.key_id() {
            Some(id) => self.is_of_scope(id)?,
            None => is_scope_text(&packed),
        };
        Some(if of_scope { packed.of_scope() } else { packed })
    }

    /// Whether a number is that of a text.
    pub(super) fn is_text(&self, id: u32, text: &[u8]) -> bool {
        self.names.get(id).as_bytes() == text
    }
}

#[inline(never)]
fn is_scope_text(packed: &Packed<'_>) -> bool {
    match packed.key() {
        WireName::Inline(text) => ScopeRef::has(text.as_slice()),
        WireName::Id(_) => false,
    }
}
