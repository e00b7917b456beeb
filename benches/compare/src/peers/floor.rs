//! The floor: two reads of the cheapest clock and a 64-byte record with one release store into the thread's
//! ring, which another thread drains. It records no attributes, so the floor is the same with and without them.
//!
//! A full ring loses the record and counts the loss, but the rings are large enough that this doesn't happen.

use super::Peer;
use crate::account::{Account, Tally};
use crate::clock::ticks;
use crate::plan::Scenario;
use crate::ring::{Ring, Writer};
use crate::workload::{Around, Item, Samples, Stretch};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The drainer's pause between two rounds. Reading the rings without a pause would slow down the writers.
const PAUSE: Duration = Duration::from_millis(1);

/// The parent's id; the children's are larger.
const PARENT_ID: u64 = 1;

pub(super) struct Floor {
    /// One per thread, and a last one for the parent.
    rings: Arc<[Ring]>,
    stop: Arc<AtomicBool>,
    drainer: JoinHandle<Account>,
}

impl Peer for Floor {
    /// The parent's start.
    type Parent = u64;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let spans = scenario.spans_per_thread + scenario.warm_up_spans;
        let records = (scenario.ring_bytes as u64 / 64).min(spans).next_power_of_two() as usize;
        let rings: Arc<[Ring]> =
            (0..=scenario.threads).map(|i| Ring::new(if i == scenario.threads { 1 } else { records })).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let drainer = {
            let (rings, stop) = (Arc::clone(&rings), Arc::clone(&stop));
            std::thread::spawn(move || drain_until(&rings, &stop))
        };
        Ok(Self { rings, stop, drainer })
    }

    fn open_parent(&self) -> u64 {
        ticks()
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        _parent: &u64,
        item: Item,
        _samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        push(&mut Writer::new(&self.rings[item.thread]), item.id, work)
    }

    fn record<const ATTRIBUTES: bool>(
        &self,
        _parent: &u64,
        stretch: Stretch,
        _samples: &Samples,
        around: &mut impl Around,
    ) {
        let mut writer = Writer::new(&self.rings[stretch.thread]);
        for id in stretch.ids() {
            around.before();
            push(&mut writer, id, || ());
            around.after();
        }
    }

    fn finish(self, parent: u64) -> Result<Tally, String> {
        let record = [0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, PARENT_ID, 0, parent, ticks(), 2, 0];
        Writer::new(&self.rings[self.rings.len() - 1]).push(record);
        self.stop.store(true, Ordering::Release);
        let mut account = self.drainer.join().map_err(|_| "the drainer panicked".to_owned())?;
        let lost = self.rings.iter().map(Ring::lost).sum();
        Ok(Tally { named_lost: Some(lost), ..account.tally() })
    }
}

#[inline(always)]
fn push<R>(writer: &mut Writer<'_>, id: u64, work: impl FnOnce() -> R) -> R {
    let start = ticks();
    let result = work();
    let end = ticks();
    writer.push([0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, id, PARENT_ID, start, end, 1, 0]);
    result
}

fn drain_until(rings: &[Ring], stop: &AtomicBool) -> Account {
    let mut account = Account::default();
    loop {
        let last_round = stop.load(Ordering::Acquire); // Pairs with `finish`: records pushed before its store are seen below.
        rings.iter().for_each(|ring| ring.drain(|record| account.add(record[2], record[3])));
        if last_round {
            return account;
        }
        std::thread::sleep(PAUSE);
    }
}
