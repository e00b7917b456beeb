//! One `parking_lot::Mutex<Vec>` shared by all threads: the simplest tracer.
//!
//! Best case: the raw time-stamp counter, ids from a counter, one lock per span, a vector that keeps its memory and that
//! the consumer swaps for an empty one every 5 ms. It has no bound.

use super::record::Record;
use super::Peer;
use crate::account::{Account, Tally};
use crate::clock::ticks;
use crate::plan::Scenario;
use crate::workload::{Item, Samples};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The consumer's pause between two swaps.
const PAUSE: Duration = Duration::from_millis(5);

/// The parent's id; the children's are larger.
const PARENT_ID: u64 = 1;

pub(super) struct MutexVec {
    spans: Arc<Mutex<Vec<Record>>>,
    stop: Arc<AtomicBool>,
    consumer: JoinHandle<Account>,
}

impl Peer for MutexVec {
    /// The parent's start.
    type Parent = u64;

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let consumer = {
            let (spans, stop) = (Arc::clone(&spans), Arc::clone(&stop));
            std::thread::spawn(move || consume_until(&spans, &stop))
        };
        Ok(Self { spans, stop, consumer })
    }

    fn open_parent(&self) -> u64 {
        ticks()
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        _parent: &u64,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let (record, result) = Record::child::<ATTRIBUTES, R>(item.id, PARENT_ID, samples, work);
        self.spans.lock().push(record);
        result
    }

    fn finish(self, parent: u64) -> Result<Tally, String> {
        self.spans.lock().push(Record::parent(PARENT_ID, parent));
        self.stop.store(true, Ordering::Release);
        let mut account = self.consumer.join().map_err(|_| "the consumer panicked".to_owned())?;
        Ok(account.tally())
    }
}

fn consume_until(spans: &Mutex<Vec<Record>>, stop: &AtomicBool) -> Account {
    let mut account = Account::default();
    let mut taken = Vec::new();
    loop {
        let last_round = stop.load(Ordering::Acquire);
        std::mem::swap(&mut *spans.lock(), &mut taken);
        taken.drain(..).for_each(|record| account.add(record.id, record.parent));
        if last_round {
            return account;
        }
        std::thread::sleep(PAUSE);
    }
}
