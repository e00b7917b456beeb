//! [`Account`]: the counts of a counting exporter.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts spans by their parent, and stores which roots arrived. The cost is the same for every peer, and low: one
/// comparison and one addition per span while the parent stays the same.
#[derive(Debug, Default)]
pub struct Account {
    roots: HashSet<u64>,
    children: HashMap<u64, u64>,
    /// The parent of the latest child, with children that are not in the map yet.
    latest: (u64, u64),
}

/// The sums of an [`Account`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Children that arrived.
    pub received: u64,
    /// Children that arrived although their parent did not.
    pub orphans: u64,
    /// Spans without a parent that arrived.
    pub roots: u64,
    /// Lost spans that the tracer itself reports as lost; `None` if it keeps no such count.
    pub named_lost: Option<u64>,
}

impl Account {
    /// Adds one span. A `parent` of zero makes it a root.
    #[inline]
    pub fn add(&mut self, id: u64, parent: u64) {
        if parent == self.latest.0 && parent != 0 {
            self.latest.1 += 1;
        } else {
            self.add_other(id, parent);
        }
    }

    #[cold]
    fn add_other(&mut self, id: u64, parent: u64) {
        if parent == 0 {
            self.roots.insert(id);
        } else {
            self.settle();
            self.latest = (parent, 1);
        }
    }

    fn settle(&mut self) {
        let (parent, count) = std::mem::take(&mut self.latest);
        if count > 0 {
            *self.children.entry(parent).or_default() += count;
        }
    }

    /// The sums so far.
    pub fn tally(&mut self) -> Tally {
        self.settle();
        let orphans = self.children.iter().filter(|(parent, _)| !self.roots.contains(parent)).map(|(_, count)| count);
        Tally {
            received: self.children.values().sum(),
            orphans: orphans.sum(),
            roots: self.roots.len() as u64,
            named_lost: None,
        }
    }
}

/// An [`Account`] that an exporter fills and the measurement reads. Exporters lock it once per batch.
#[derive(Clone, Debug, Default)]
pub struct SharedAccount(Arc<Mutex<Account>>);

impl SharedAccount {
    /// Locks the account.
    pub fn lock(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sums so far.
    pub fn tally(&self) -> Tally {
        self.lock().tally()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_an_orphan_unless_the_root_it_names_arrived() {
        let mut account = Account::default();
        for id in 10..15 {
            account.add(id, 1);
        }
        account.add(20, 2);
        account.add(21, 10); // names another child, not a root
        account.add(15, 1);
        assert_eq!(account.tally(), Tally { received: 8, orphans: 8, roots: 0, named_lost: None });
        account.add(1, 0); // the parent may come last
        assert_eq!(account.tally(), Tally { received: 8, orphans: 2, roots: 1, named_lost: None });
        account.add(16, 1);
        assert_eq!(account.tally().received, 9);
    }
}
