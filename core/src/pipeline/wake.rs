//! Wakes the collector, in this process or in the parent.

use crate::shm::Attachment;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// Wakes the collector.
#[derive(Debug, Default)]
pub(crate) struct Wake(OnceLock<Collector>);

/// The location of the collector.
#[derive(Debug)]
pub(crate) enum Collector {
    Here(Thread),
    InParent(Arc<Attachment>),
}

impl Wake {
    /// At most one system call; lock-free.
    pub(crate) fn wake(&self) {
        match self.0.get() {
            Some(Collector::Here(thread)) => thread.unpark(),
            Some(Collector::InParent(region)) => region.ring(),
            None => {}
        }
    }

    /// Whether this is the collector's thread.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.0.get(), Some(Collector::Here(thread)) if thread.id() == std::thread::current().id())
    }

    pub(crate) fn set(&self, collector: Collector) {
        let _ = self.0.set(collector);
    }
}
