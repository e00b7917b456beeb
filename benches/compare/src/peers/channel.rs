//! A bounded crossbeam channel shared by all threads, with one consumer.
//!
//! Best case: the raw time-stamp counter, ids from a counter, and a consumer that rests 1 ms when the channel is empty
//! instead of waiting on it, so that no sender has to wake it. A full channel drops the span, because a tracer must
//! not stop the program.

use super::record::Record;
use super::Peer;
use crate::account::{Account, Tally};
use crate::clock::ticks;
use crate::plan::Scenario;
use crate::workload::{Item, Samples};
use crossbeam_channel::{bounded, Receiver, Sender, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Spans that fit in the channel.
const CAPACITY: usize = 65_536;

/// How long the consumer rests when the channel is empty.
const PAUSE: Duration = Duration::from_millis(1);

/// The parent's id; the children's are larger.
const PARENT_ID: u64 = 1;

pub(super) struct Channel {
    sender: Sender<Record>,
    consumer: JoinHandle<Account>,
}

impl Peer for Channel {
    /// The parent's start.
    type Parent = u64;

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        let (sender, receiver) = bounded(CAPACITY);
        Ok(Self { sender, consumer: std::thread::spawn(move || consume(&receiver)) })
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
        // A dropped span is lost; the exporter's count shows it.
        let _ = self.sender.try_send(record);
        result
    }

    fn finish(self, parent: u64) -> Result<Tally, String> {
        let _ = self.sender.try_send(Record::parent(PARENT_ID, parent));
        drop(self.sender);
        let mut account = self.consumer.join().map_err(|_| "the consumer panicked".to_owned())?;
        Ok(account.tally())
    }
}

fn consume(receiver: &Receiver<Record>) -> Account {
    let mut account = Account::default();
    loop {
        match receiver.try_recv() {
            Ok(record) => account.add(record.id, record.parent),
            Err(TryRecvError::Empty) => std::thread::sleep(PAUSE),
            Err(TryRecvError::Disconnected) => return account,
        }
    }
}
