//! The measured peers, their scenarios, and the order.

use crate::peers::Overload;
use serde::{Deserialize, Serialize};

/// The crates whose versions are in the results.
pub const CRATES: [&str; 9] = [
    "crossbeam-channel",
    "fastrace",
    "heirloom-core",
    "opentelemetry_sdk",
    "parking_lot",
    "puffin",
    "rayon",
    "tracing",
    "tracing-opentelemetry",
];

/// A tracer under measurement, in one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerName {
    /// Two clock reads and a 64-byte record in a drained ring: no tracer can beat it.
    Floor,
    /// Heirloom, rings large enough for the whole run.
    Heirloom,
    /// Heirloom with the settings of `init`.
    HeirloomDefault,
    /// The same, with an exporter of OpenTelemetry's.
    HeirloomOtel,
    /// One `parking_lot::Mutex<Vec>` shared by all threads.
    MutexVec,
    /// A bounded crossbeam channel with one consumer.
    Channel,
    /// `opentelemetry_sdk`'s batch processor with its defaults.
    Otel,
    /// The same with a queue of 65,536 spans.
    OtelLarge,
    /// `tracing` and `tracing-opentelemetry` over the batch processor with its defaults.
    TracingOtel,
    /// The same with the layer's defaults.
    TracingOtelDefault,
    /// fastrace's `LocalSpan`.
    FastraceLocal,
    /// fastrace's `Span`.
    FastraceSpan,
    /// puffin, which has no parents.
    Puffin,
}

impl PeerName {
    /// Every peer, in the order of tables and plots.
    pub const ALL: [PeerName; 13] = [
        PeerName::Floor,
        PeerName::Heirloom,
        PeerName::HeirloomDefault,
        PeerName::HeirloomOtel,
        PeerName::MutexVec,
        PeerName::Channel,
        PeerName::Otel,
        PeerName::OtelLarge,
        PeerName::TracingOtel,
        PeerName::TracingOtelDefault,
        PeerName::FastraceLocal,
        PeerName::FastraceSpan,
        PeerName::Puffin,
    ];

    /// The peers that this build can measure.
    pub fn available() -> Vec<PeerName> {
        Self::ALL.into_iter().filter(|peer| !peer.is_heirloom() || cfg!(feature = "heirloom")).collect()
    }

    /// Those that `single` and `contention` compare: each tracer's best case.
    pub fn best_cases() -> Vec<PeerName> {
        let mut peers = Self::available();
        peers.retain(|peer| !matches!(peer, PeerName::HeirloomOtel | PeerName::TracingOtelDefault));
        peers
    }

    /// Whether this is Heirloom itself.
    pub fn is_heirloom(self) -> bool {
        matches!(self, PeerName::Heirloom | PeerName::HeirloomDefault | PeerName::HeirloomOtel)
    }

    /// Whether its spans have parents.
    pub fn has_parents(self) -> bool {
        self != PeerName::Puffin
    }

    /// The name in tables, JSON and arguments.
    pub fn label(self) -> &'static str {
        match self {
            PeerName::Floor => "floor",
            PeerName::Heirloom => "heirloom",
            PeerName::HeirloomDefault => "heirloom-default",
            PeerName::HeirloomOtel => "heirloom-otel",
            PeerName::MutexVec => "mutex-vec",
            PeerName::Channel => "channel",
            PeerName::Otel => "otel",
            PeerName::OtelLarge => "otel-large",
            PeerName::TracingOtel => "tracing-otel",
            PeerName::TracingOtelDefault => "tracing-otel-default",
            PeerName::FastraceLocal => "fastrace-local",
            PeerName::FastraceSpan => "fastrace-span",
            PeerName::Puffin => "puffin",
        }
    }
}

/// One measurement, made in a separate process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The tracer.
    pub peer: PeerName,
    /// The number of recording threads.
    pub threads: usize,
    /// Whether each span gets three attributes.
    pub attributes: bool,
    /// The number of spans that each thread records while the clock runs.
    pub spans_per_thread: u64,
    /// The number of spans that each thread records before that.
    pub warm_up_spans: u64,
    /// The size of each thread's ring in bytes, for peers with rings of a chosen size.
    pub ring_bytes: usize,
    /// Record on the main thread; needs `threads` to be one.
    pub on_main_thread: bool,
    /// Which repetition this is, from zero.
    pub repetition: usize,
    /// What Heirloom does with a span that finds no room.
    #[serde(default)]
    pub overload: Overload,
}

/// A set of scenarios.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The peers, in the order in which they take turns.
    pub peers: Vec<PeerName>,
    /// The numbers of threads.
    pub threads: Vec<usize>,
    /// Spans recorded by all threads together while the clock runs.
    pub spans: u64,
    /// The number of repetitions.
    pub repetitions: usize,
    /// The size of each thread's ring in bytes; `None`: as large as the thread's spans need.
    pub ring_bytes: Option<usize>,
    /// Record on the main thread; needs `threads` to be `[1]`.
    pub on_main_thread: bool,
}

/// Spans recorded by each thread before the clock starts: they initialise thread-locals and rings, and warm up the caches.
const WARM_UP_SPANS: u64 = 1000;

/// Upper bound for the bytes of a span with three attributes in a ring: 48 for the begin, 24 for the end, three attributes.
const RING_BYTES_PER_SPAN: u64 = 256;

/// The smallest and the largest ring that a plan chooses.
const RING_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=256 << 20;

impl Plan {
    /// The scenarios in the order of measurement: the peers take turns (A B C .. A B C ..), so that a machine that
    /// slows down for a while affects all of them.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = Vec::new();
        for repetition in 0..self.repetitions {
            for &threads in &self.threads {
                for attributes in [false, true] {
                    let scenario = |&peer| self.scenario(peer, threads, attributes, repetition);
                    scenarios.extend(self.peers.iter().map(scenario));
                }
            }
        }
        scenarios
    }

    fn scenario(&self, peer: PeerName, threads: usize, attributes: bool, repetition: usize) -> Scenario {
        let spans_per_thread = (self.spans / threads.max(1) as u64).max(1);
        Scenario {
            peer,
            threads,
            attributes,
            spans_per_thread,
            warm_up_spans: WARM_UP_SPANS,
            ring_bytes: self.ring_bytes.unwrap_or_else(|| ring_bytes_for(spans_per_thread + WARM_UP_SPANS)),
            on_main_thread: self.on_main_thread,
            repetition,
            overload: Overload::Init,
        }
    }
}

fn ring_bytes_for(spans: u64) -> usize {
    let bytes = (spans * RING_BYTES_PER_SPAN).next_power_of_two();
    bytes.clamp(*RING_BYTES.start(), *RING_BYTES.end()) as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn peers_take_turns_within_each_repetition() {
        let plan = Plan {
            peers: vec![PeerName::Floor, PeerName::Otel],
            threads: vec![1, 4],
            spans: 1000,
            repetitions: 2,
            ring_bytes: None,
            on_main_thread: false,
        };
        let scenarios = plan.scenarios();
        let order: Vec<_> = scenarios.iter().map(|s| (s.repetition, s.threads, s.attributes, s.peer)).collect();
        assert_eq!(order.len(), 16);
        assert_eq!(
            order[..3],
            [(0, 1, false, PeerName::Floor), (0, 1, false, PeerName::Otel), (0, 1, true, PeerName::Floor)]
        );
        assert!(scenarios.iter().all(|s| s.spans_per_thread * s.threads as u64 == 1000));
    }

    #[test]
    fn labels_are_the_names_in_json() {
        for peer in PeerName::ALL {
            assert_eq!(serde_json::to_string(&peer).unwrap(), format!("\"{}\"", peer.label()));
        }
    }
}
