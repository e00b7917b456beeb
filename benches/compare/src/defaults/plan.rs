//! The tables, their peers and amounts, and the order of measurement.

use super::layer::SPANS_PER_BLOCK;
use super::shapes::Shape;
use super::Task;
use crate::peers::Overload;
use crate::plan::{PeerName, Scenario};
use serde::{Deserialize, Serialize};

/// One table of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// Instructions per span.
    Instructions,
    /// CPU time of the process per span.
    Cpu,
    /// One thread, as fast as it can.
    OneThread,
    /// Eight threads, as fast as they can.
    EightThreads,
    /// A rayon pipeline.
    Rayon,
    /// The time of each span.
    Latency,
    /// The memory after 512 threads have ended.
    Ended,
    /// Through the layer for `tracing`.
    Layer,
    /// Traces of different shapes.
    Shapes,
}

/// The tracers, with their default settings.
const RIVALS: [PeerName; 5] =
    [PeerName::Otel, PeerName::TracingOtelDefault, PeerName::FastraceLocal, PeerName::FastraceSpan, PeerName::Puffin];

/// Bytes of one ring of the floor where the spans are paced.
const FLOOR_RING_BYTES: usize = 1 << 20;

/// Upper bound for the bytes of one ring of the floor where it must hold the whole run.
const WHOLE_RUN_BYTES: usize = 256 << 20;

/// No table has more repetitions, unless they are asked for.
const MOST_REPETITIONS: usize = 5;

/// One of two amounts: of a full run, or of a smoke run.
type Amount = (u64, u64);

impl Table {
    /// All of them, in the order of the results.
    pub const ALL: [Table; 9] = [
        Table::Instructions,
        Table::Cpu,
        Table::OneThread,
        Table::EightThreads,
        Table::Rayon,
        Table::Latency,
        Table::Ended,
        Table::Layer,
        Table::Shapes,
    ];

    /// The name in arguments and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Table::Instructions => "instructions",
            Table::Cpu => "cpu",
            Table::OneThread => "one-thread",
            Table::EightThreads => "eight-threads",
            Table::Rayon => "rayon",
            Table::Latency => "latency",
            Table::Ended => "ended",
            Table::Layer => "layer",
            Table::Shapes => "shapes",
        }
    }

    /// The table with this name.
    pub fn named(label: &str) -> Result<Self, String> {
        let all = Self::ALL;
        all.into_iter().find(|table| table.label() == label).ok_or_else(|| {
            let labels = all.map(Table::label).join(",");
            format!("--only: expected some of {labels}, found {label:?}")
        })
    }

    /// Spans (or items) per thread.
    fn amount(self, peer: PeerName) -> Amount {
        match self {
            Table::Instructions | Table::Shapes => (60_000, 1_000),
            Table::Cpu if peer == PeerName::TracingOtelDefault => (100_000, 2_000),
            Table::Cpu => (500_000, 2_000),
            Table::OneThread => (1_000_000, 5_000),
            Table::EightThreads => (125_000, 1_000),
            Table::Rayon => (100_000, 2_000),
            Table::Latency => (1_000_000, 5_000),
            Table::Ended => (400, 100),
            Table::Layer => (50 * SPANS_PER_BLOCK, 2 * SPANS_PER_BLOCK),
        }
    }

    /// Whether valgrind runs the processes. A smoke run then measures only two rows.
    pub fn is_slow(self) -> bool {
        matches!(self, Table::Instructions | Table::Shapes)
    }

    fn threads(self) -> usize {
        match self {
            Table::EightThreads | Table::Layer => 8,
            Table::Rayon => 2,
            Table::Ended => 512,
            _ => 1,
        }
    }

    fn floor_ring_bytes(self) -> usize {
        match self {
            Table::OneThread | Table::EightThreads | Table::Rayon => WHOLE_RUN_BYTES,
            _ => FLOOR_RING_BYTES,
        }
    }

    /// How often it is measured in a full run.
    fn repetitions(self, peer: PeerName) -> usize {
        match self {
            Table::Instructions | Table::Shapes => 1,
            Table::Latency if RIVALS.contains(&peer) => 1, // Two seconds each.
            Table::Rayon => 5,
            _ => 3,
        }
    }

    /// The peers, each with the settings for a full ring and the shapes.
    fn rows(self) -> Vec<(PeerName, Overload, Shape)> {
        let plain = |peer| (peer, Overload::Init, Shape::Plain);
        let ours = plain(PeerName::HeirloomDefault);
        let rivals = || RIVALS.into_iter().map(plain);
        let floor = || std::iter::once(plain(PeerName::Floor));
        match self {
            Table::Instructions | Table::Rayon => {
                floor().chain([ours, plain(PeerName::HeirloomOtel)]).chain(rivals()).collect()
            }
            Table::Cpu | Table::Latency => floor().chain([ours]).chain(rivals()).collect(),
            Table::OneThread | Table::EightThreads => {
                let ours = Overload::ALL.map(|overload| (PeerName::HeirloomDefault, overload, Shape::Plain));
                floor().chain(ours).chain(rivals()).collect()
            }
            Table::Ended | Table::Layer => vec![ours],
            Table::Shapes => Shape::ALL.map(|shape| (PeerName::HeirloomDefault, Overload::Init, shape)).to_vec(),
        }
    }
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct Selection {
    /// A check that everything works.
    pub smoke: bool,
    /// Instead of each table's number.
    pub repetitions: Option<usize>,
    /// Only these tables.
    pub tables: Vec<Table>,
    /// Only these peers, besides Heirloom's where a table has no others.
    pub peers: Vec<PeerName>,
}

impl Selection {
    /// The tasks in the order of measurement: all tables once, then again, and within a table the peers take turns. So a machine
    /// that slows down for a while affects all of them.
    pub fn tasks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for repetition in 0..MOST_REPETITIONS.max(self.repetitions.unwrap_or(0)) {
            for &table in &self.tables {
                for attributes in [false, true] {
                    let rows = self.rows(table).into_iter();
                    let rows = rows.filter(|(peer, ..)| repetition < self.repetitions_of(table, *peer));
                    tasks.extend(rows.map(|row| self.task(table, row, attributes, repetition)));
                }
            }
        }
        tasks
    }

    fn rows(&self, table: Table) -> Vec<(PeerName, Overload, Shape)> {
        let mut rows = table.rows();
        rows.retain(|(peer, ..)| self.peers.contains(peer));
        if self.smoke && table.is_slow() {
            rows.truncate(2);
        }
        rows
    }

    fn repetitions_of(&self, table: Table, peer: PeerName) -> usize {
        let planned = if self.smoke { 1 } else { table.repetitions(peer) };
        self.repetitions.unwrap_or(planned)
    }

    fn task(
        &self,
        table: Table,
        (peer, overload, shape): (PeerName, Overload, Shape),
        attributes: bool,
        repetition: usize,
    ) -> Task {
        let (full, smoke) = table.amount(peer);
        let threads = if self.smoke { table.threads().min(16) } else { table.threads() };
        let scenario = Scenario {
            peer,
            threads,
            attributes,
            spans_per_thread: if self.smoke { smoke } else { full },
            warm_up_spans: 0,
            ring_bytes: table.floor_ring_bytes(),
            on_main_thread: false,
            repetition,
            overload,
        };
        Task { table, shape, scenario }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(repetitions: Option<usize>) -> Vec<Task> {
        let peers = PeerName::ALL.to_vec();
        Selection { smoke: false, repetitions, tables: Table::ALL.to_vec(), peers }.tasks()
    }

    #[test]
    fn nothing_is_recorded_before_the_clock_starts() {
        assert!(tasks(None).iter().all(|task| task.scenario.warm_up_spans == 0));
        assert!(tasks(None).iter().all(|task| task.scenario.peer != PeerName::Heirloom));
    }

    #[test]
    fn every_table_is_measured_with_and_without_attributes_and_in_turns() {
        let tasks = tasks(Some(2));
        for table in Table::ALL {
            for attributes in [false, true] {
                let of = |task: &&Task| task.table == table && task.scenario.attributes == attributes;
                let repetitions: Vec<_> = tasks.iter().filter(of).map(|task| task.scenario.repetition).collect();
                assert_eq!(repetitions.len(), 2 * table.rows().len());
                assert!(repetitions.is_sorted());
            }
        }
        let first = tasks.iter().position(|task| task.scenario.repetition == 1);
        assert_eq!(first, Some(tasks.len() / 2));
    }
}
