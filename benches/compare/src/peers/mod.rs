//! The peers: one file for each, behind one small trait.

mod channel;
mod fastrace;
mod floor;
#[cfg(feature = "heirloom")]
pub(crate) mod heirloom;
mod mutex_vec;
mod otel;
mod overload;
mod puffin;
mod record;
mod tracing_otel;

use crate::account::Tally;
use crate::plan::{PeerName, Scenario};
use crate::workload::{Around, Item, Samples, Stretch};
use std::time::Duration;

pub use overload::Overload;

/// A tracer under measurement. A process starts only one, because several of them are process-wide.
///
/// Each implementation is its tracer's best case with the settings that its file names. The loop over the spans is
/// inside [`record`](Peer::record), where each call is inlined.
pub trait Peer: Sized + Sync {
    /// The open parent that all threads share.
    type Parent: Sync;

    /// Sets the tracer up with a counting exporter.
    fn start(scenario: &Scenario) -> Result<Self, String>;

    /// Opens the parent.
    fn open_parent(&self) -> Self::Parent;

    /// Does `work` within a child of `parent`, with three attributes if `ATTRIBUTES`.
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &Self::Parent,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R;

    /// Records empty children of `parent`. Called by each thread with its own `stretch.thread`.
    fn record<const ATTRIBUTES: bool>(
        &self,
        parent: &Self::Parent,
        stretch: Stretch,
        samples: &Samples,
        around: &mut impl Around,
    ) {
        for id in stretch.ids() {
            around.before();
            self.within::<ATTRIBUTES, ()>(parent, Item { thread: stretch.thread, id }, samples, || ());
            around.after();
        }
    }

    /// The number of spans that an idle tracer with its default settings takes in at once.
    fn burst(_attributes: bool) -> u64 {
        5000
    }

    /// After a burst: rests until the tracer can take in another one. `made` spans were made so far.
    fn rest(&self, _made: u64) -> Result<(), String> {
        std::thread::sleep(PAUSE);
        Ok(())
    }

    /// On a recording thread that goes on living: hands on what still waits there, out of the last `recorded` spans.
    fn leave(&self, _recorded: u64) {}

    /// Ends the parent, waits until all spans have reached the exporter, and returns the counts.
    fn finish(self, parent: Self::Parent) -> Result<Tally, String>;
}

/// The pause after a burst, and between two looks whether the tracer can take in another one.
const PAUSE: Duration = Duration::from_millis(1);

/// Deadline of the rest after a burst.
const REST_TIMEOUT: Duration = Duration::from_secs(30);

/// Pauses at least once, and until `ready`.
fn rest_until(mut ready: impl FnMut() -> bool) -> Result<(), String> {
    let begin = std::time::Instant::now();
    loop {
        std::thread::sleep(PAUSE);
        if ready() {
            return Ok(());
        }
        if begin.elapsed() > REST_TIMEOUT {
            return Err(format!("the tracer didn't take in a burst within {} s", REST_TIMEOUT.as_secs()));
        }
    }
}

/// A measurement that works for every peer.
pub trait Measurement {
    /// Its result.
    type Result;

    /// Measures one peer.
    fn of<P: Peer>(self) -> Result<Self::Result, String>;
}

/// Measures the peer with this name in this process.
pub fn run<M: Measurement>(peer: PeerName, measurement: M) -> Result<M::Result, String> {
    match peer {
        PeerName::Floor => measurement.of::<floor::Floor>(),
        #[cfg(feature = "heirloom")]
        PeerName::Heirloom | PeerName::HeirloomDefault | PeerName::HeirloomOtel => {
            measurement.of::<heirloom::Heirloom>()
        }
        #[cfg(not(feature = "heirloom"))]
        PeerName::Heirloom | PeerName::HeirloomDefault | PeerName::HeirloomOtel => {
            Err("this build has no peer Heirloom: build with the feature `heirloom`".to_owned())
        }
        PeerName::MutexVec => measurement.of::<mutex_vec::MutexVec>(),
        PeerName::Channel => measurement.of::<channel::Channel>(),
        PeerName::Otel | PeerName::OtelLarge => measurement.of::<otel::Otel>(),
        PeerName::TracingOtel | PeerName::TracingOtelDefault => measurement.of::<tracing_otel::TracingOtel>(),
        PeerName::FastraceLocal => measurement.of::<fastrace::Local>(),
        PeerName::FastraceSpan => measurement.of::<fastrace::Shared>(),
        PeerName::Puffin => measurement.of::<puffin::Puffin>(),
    }
}
