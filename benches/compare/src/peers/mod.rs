//! The peers: one file for each, behind one small trait.

mod channel;
mod fastrace;
mod floor;
#[cfg(feature = "heirloom")]
mod heirloom;
mod mutex_vec;
mod otel;
mod record;
mod tracing_otel;

use crate::account::Tally;
use crate::measure::{measure, Row};
use crate::plan::{PeerName, Scenario};
use crate::workload::{Samples, Stretch};

/// A tracer under measurement. A process starts only one, because several of them are process-wide.
///
/// Each implementation is its tracer's best case with the settings that its file names. The loop over the spans is
/// inside [`record`](Peer::record), so that no call of this trait stands between two spans.
pub trait Peer: Sized + Sync {
    /// The open parent that all threads share.
    type Parent: Sync;

    /// Sets the tracer up with a counting exporter.
    fn start(scenario: &Scenario) -> Result<Self, String>;

    /// Opens the parent.
    fn open_parent(&self) -> Self::Parent;

    /// Records children of `parent`, with three attributes each if `ATTRIBUTES`. Called by each thread with its own
    /// `stretch.thread`, once to warm up and once for the time.
    fn record<const ATTRIBUTES: bool>(&self, parent: &Self::Parent, stretch: Stretch, samples: &Samples);

    /// Ends the parent, waits until all spans have reached the exporter, and returns the counts.
    fn finish(self, parent: Self::Parent) -> Result<Tally, String>;
}

/// Measures the scenario's peer in this process.
pub fn run(scenario: &Scenario) -> Result<Row, String> {
    match scenario.peer {
        PeerName::Floor => measure::<floor::Floor>(scenario),
        #[cfg(feature = "heirloom")]
        PeerName::Heirloom | PeerName::HeirloomDefault => measure::<heirloom::Heirloom>(scenario),
        #[cfg(not(feature = "heirloom"))]
        PeerName::Heirloom | PeerName::HeirloomDefault => {
            Err("this build has no peer Heirloom: build with the feature `heirloom`".to_owned())
        }
        PeerName::MutexVec => measure::<mutex_vec::MutexVec>(scenario),
        PeerName::Channel => measure::<channel::Channel>(scenario),
        PeerName::Otel | PeerName::OtelLarge => measure::<otel::Otel>(scenario),
        PeerName::TracingOtel => measure::<tracing_otel::TracingOtel>(scenario),
        PeerName::FastraceLocal => measure::<fastrace::Local>(scenario),
        PeerName::FastraceSpan => measure::<fastrace::Shared>(scenario),
    }
}
