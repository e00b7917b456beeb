//! What a stranger would measure: each tracer with its default settings, and nothing prepared before the clock starts.
//!
//! - [`plan`]: the tables, their peers and their amounts, in the order of measurement.
//! - one file for each kind of measurement in a child process: [`bursts`], [`flat`], [`pipeline`], [`latency`], [`ended`],
//!   [`layer`], [`shapes`].
//! - [`callgrind`]: counts the instructions of a child process, by thread.
//! - [`goals`], [`checks`], [`report`]: the numbers to reach, the promises, the tables.

pub mod bursts;
pub mod callgrind;
pub mod checks;
pub mod ended;
pub mod flat;
pub mod goals;
pub mod latency;
pub mod layer;
pub mod pipeline;
pub mod plan;
pub mod report;
pub mod shapes;

use crate::account::Tally;
use crate::children::measure_in_child;
use crate::plan::Scenario;
use plan::Table;
use serde::{Deserialize, Serialize};
use shapes::Shape;
use std::collections::BTreeMap;

/// The numbers of one measurement, by name.
pub type Numbers = BTreeMap<String, f64>;

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The table that it belongs to.
    pub table: Table,
    /// The shape of the traces, where it varies.
    pub shape: Shape,
    /// Tracer, threads and amounts.
    pub scenario: Scenario,
}

/// One measurement with its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What was measured.
    pub task: Task,
    /// Its numbers.
    pub numbers: Numbers,
}

impl Task {
    /// Measures in fresh processes.
    pub fn measure(&self) -> Result<Measured, String> {
        let numbers = match self.table {
            table if table.is_slow() => callgrind::count(self)?,
            _ => measure_in_child(self)?,
        };
        Ok(Measured { task: self.clone(), numbers })
    }

    /// The name of its row in the table.
    pub fn label(&self) -> String {
        let peer = self.scenario.peer;
        match self.table {
            Table::Shapes => self.shape.label().to_owned(),
            Table::OneThread | Table::EightThreads if peer.is_heirloom() => {
                format!("{}, {}", peer.label(), self.scenario.overload.label())
            }
            _ => peer.label().to_owned(),
        }
    }

    /// As in `rayon: puffin, 3 attributes, repetition 1`.
    pub fn describe(&self) -> String {
        let attributes = if self.scenario.attributes { 3 } else { 0 };
        let (table, row, repetition) = (self.table.label(), self.label(), self.scenario.repetition + 1);
        format!("{table}: {row}, {attributes} attributes, repetition {repetition}")
    }
}

impl Measured {
    /// The number with this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }
}

/// Measures a task, given as JSON, in this process. The result is its numbers as JSON.
pub fn child(task: &str) -> Result<String, String> {
    let task: Task = serde_json::from_str(task).map_err(|error| format!("not a task: {error}"))?;
    let scenario = &task.scenario;
    let numbers = match task.table {
        Table::Instructions | Table::Cpu => bursts::measure(scenario),
        Table::OneThread | Table::EightThreads => flat::measure(scenario),
        Table::Rayon => pipeline::measure(scenario),
        Table::Latency => latency::measure(scenario),
        Table::Ended => ended::measure(scenario),
        Table::Layer => layer::measure(scenario),
        Table::Shapes => shapes::measure(task.shape, scenario),
    }?;
    serde_json::to_string(&numbers).map_err(|error| error.to_string())
}

/// Numbers from pairs.
fn numbers<const N: usize>(pairs: [(&str, f64); N]) -> Numbers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What became of the children that were made.
fn fate(created: u64, tally: &Tally) -> Numbers {
    let lost = created.saturating_sub(tally.received);
    let mut numbers = numbers([
        ("created", created as f64),
        ("received", tally.received as f64),
        ("lost", lost as f64),
        ("lost_percent", 100.0 * lost as f64 / created.max(1) as f64),
        ("orphans", tally.orphans as f64),
        ("roots", tally.roots as f64),
    ]);
    if let Some(named) = tally.named_lost {
        numbers.insert("unnamed".to_owned(), lost.abs_diff(named) as f64);
    }
    numbers
}
