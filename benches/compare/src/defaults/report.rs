//! The results as Markdown and as JSON.

use super::goals;
use super::plan::Table;
use super::shapes::Shape;
use super::Measured;
use crate::machine::Machine;
use crate::summary::Summary;
use serde::Serialize;
use std::fmt::Write;

/// A run: its arguments, its machine and its results. The JSON file contains it.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Always `defaults`.
    pub benchmark: &'a str,
    /// The arguments of the command.
    pub arguments: Vec<String>,
    /// Whether this run only checked that everything works.
    pub smoke: bool,
    /// The machine and the date.
    pub machine: &'a Machine,
    /// Every measurement.
    pub rows: &'a [Measured],
    /// The failed measurements and the broken promises.
    pub problems: &'a [String],
}

/// One number of a table.
struct Column {
    number: &'static str,
    title: &'static str,
    digits: usize,
}

const fn column(number: &'static str, title: &'static str, digits: usize) -> Column {
    Column { number, title, digits }
}

const LOST: Column = column("lost_percent", "lost %", 2);
const CPU: Column = column("cpu_ns", "CPU of the process, ns", 0);

impl Table {
    fn title(self) -> &'static str {
        match self {
            Table::Instructions => "Instructions per span",
            Table::Cpu => "CPU time of the process per span, nothing lost",
            Table::OneThread => "One thread flat out",
            Table::EightThreads => "Eight threads flat out",
            Table::Rayon => "A rayon pipeline: items of 1 us, two threads, a span around each",
            Table::Latency => "The time of one span, one every 2 us, in ns",
            Table::Ended => "512 threads, recorded and ended",
            Table::Layer => "8 threads, 50 blocks of 66 spans each, through the layer for `tracing`",
            Table::Shapes => "Traces of other shapes: instructions per span, all threads",
        }
    }

    fn note(self) -> &'static str {
        match self {
            Table::Instructions => {
                "By callgrind, of the main thread while it records, and with all other threads of the process from their start to \
                 their end; the difference of two run lengths. In bursts, with a rest after each."
            }
            Table::Cpu => {
                "User and system time, from the first span to the last one in the exporter. The main thread records in bursts that an \
                 idle tracer takes in, and rests after each."
            }
            Table::OneThread | Table::EightThreads => {
                "A million spans in all, on fresh threads. `not named`: lost spans that the tracer's own count doesn't have."
            }
            Table::Rayon => {
                "200,000 items. `slower`, `CPU of the pool's threads` and `CPU added` (of the whole process, up to the last span in the \
                 exporter) are more than the mean of a run before and a run after, without a tracer, in the same process."
            }
            Table::Latency => "A million spans on the main thread; the times include two clock reads.",
            Table::Ended => "400 spans on each, all alive at once. Resident memory one second after the last one's end.",
            Table::Layer => "A transaction computes for about 1 us, with and without three fields in its span; 26,400 spans.",
            Table::Shapes => "As in the first table.",
        }
    }

    fn columns(self) -> Vec<Column> {
        let not_named = column("unnamed", "not named", 0);
        match self {
            Table::Instructions => {
                vec![column("recording", "recording thread", 0), column("all_threads", "all threads", 0), LOST]
            }
            Table::Cpu => vec![column("cpu_ns", "ns", 0), LOST],
            Table::OneThread => vec![
                column("ns", "ns per span", 0),
                column("thread_cpu_ns", "CPU of the thread, ns", 0),
                CPU,
                LOST,
                not_named,
                column("peak_mb", "peak MB", 0),
            ],
            Table::EightThreads => {
                vec![column("recorded_m", "M recorded/s", 2), CPU, LOST, not_named, column("peak_mb", "peak MB", 0)]
            }
            Table::Rayon => {
                vec![
                    column("slower_percent", "slower %", 1),
                    column("pool_percent", "CPU of the pool's threads %", 1),
                    column("added_cpu_ns", "CPU added, ns per item", 0),
                    LOST,
                ]
            }
            Table::Latency => {
                vec![column("p50", "p50", 0), column("p99", "p99", 0), column("p99.99", "p99.99", 0), LOST]
            }
            Table::Ended => vec![column("memory_mb", "MB above the start", 1), LOST],
            Table::Layer => vec![column("refused", "refused", 0), LOST, not_named],
            Table::Shapes => vec![column("all_threads", "all threads", 0), column("ratio", "times plain", 2)],
        }
    }
}

/// All values of one number of one row, one for each repetition.
pub(super) fn values(measured: &[Measured], table: Table, row: &str, number: &str, attributes: bool) -> Vec<f64> {
    let wanted = |of: &&Measured| {
        let task = &of.task;
        (task.table, task.scenario.attributes) == (table, attributes) && task.label() == row
    };
    measured.iter().filter(wanted).filter_map(|of| of.get(number)).collect()
}

/// Adds the instructions of each shape, over those of plain children in the same repetition.
pub fn add_ratios(measured: &mut [Measured]) {
    let plain: Vec<Measured> = measured.iter().filter(|of| of.task.shape == Shape::Plain).cloned().collect();
    for of in measured.iter_mut().filter(|of| of.task.table == Table::Shapes) {
        let same = |other: &&Measured| other.task == super::Task { shape: Shape::Plain, ..of.task.clone() };
        let plain = plain.iter().find(same).and_then(|plain| plain.get("all_threads"));
        if let Some(ratio) = plain.zip(of.get("all_threads")).map(|(plain, shape)| shape / plain) {
            of.numbers.insert("ratio".to_owned(), ratio);
        }
    }
}

/// The whole page.
pub fn markdown(machine: &Machine, smoke: bool, tables: &[Table], measured: &[Measured]) -> String {
    let mut text = format!(
        "# Default settings, nothing prepared, {}\n\n{}\n\n```sh\n{}\n```\n\nMedian [min-max] of interleaved repetitions, each in a \
         fresh process. No ring is touched and no cache is warmed before the clock starts; the floor's rings are the exception. In the \
         tables of CPU time and of the time of one span, the thread that records has opened the parent before. The tables of \
         instructions leave out what happens once. One parent is open for the whole run, which is fastrace's worst case: it keeps all \
         spans until the root ends.\n",
        machine.date,
        machine.markdown(),
        machine.command,
    );
    if smoke {
        text.push_str("\n**A smoke run: its numbers mean nothing.**\n");
    }
    let _ = write!(text, "\n## Numbers to reach\n\n{}", goals::markdown(measured, tables));
    for &table in tables {
        let _ = write!(text, "\n## {}\n\n{}\n\n", table.title(), table.note());
        tabulate(&mut text, table, measured);
    }
    text
}

fn tabulate(text: &mut String, table: Table, measured: &[Measured]) {
    let columns = table.columns();
    let titles = columns.iter().flat_map(|column| [0, 3].map(|n| format!(" {}: {n} attributes |", column.title)));
    let _ = writeln!(text, "| |{}\n|---|{}", titles.collect::<String>(), "---|".repeat(2 * columns.len()));
    let mut rows: Vec<String> = Vec::new();
    for of in measured.iter().filter(|of| of.task.table == table) {
        let row = of.task.label();
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    for row in rows {
        let cell = |number, digits, attributes| {
            let summary = Summary::of(values(measured, table, &row, number, attributes));
            summary.map_or_else(|| "-".to_owned(), |summary| short(summary, digits))
        };
        let cells = columns.iter().flat_map(|column| {
            [false, true].map(|attributes| format!(" {} |", cell(column.number, column.digits, attributes)))
        });
        let _ = writeln!(text, "| {row} |{}", cells.collect::<String>());
    }
}

/// The median, with the spread if there is any.
pub(super) fn short(summary: Summary, digits: usize) -> String {
    let zero = summary.min == 0.0 && summary.max == 0.0;
    match (zero, summary.min == summary.max) {
        (true, _) => "0".to_owned(),
        (_, true) => format!("{:.digits$}", summary.median),
        _ => summary.text(digits),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::defaults::checks::tests::measured;
    use crate::plan::PeerName;

    #[test]
    fn a_shape_is_compared_with_plain_children_of_the_same_run() {
        let of = |shape, attributes, instructions| {
            let mut row =
                measured(Table::Shapes, PeerName::HeirloomDefault, attributes, [("all_threads", instructions)]);
            row.task.shape = shape;
            row
        };
        let mut rows = vec![
            of(Shape::Plain, false, 100.0),
            of(Shape::Plain, true, 400.0),
            of(Shape::Roots, false, 130.0),
            of(Shape::Roots, true, 400.0),
        ];
        add_ratios(&mut rows);
        assert_eq!(rows.iter().map(|row| row.get("ratio").unwrap()).collect::<Vec<_>>(), [1.0, 1.0, 1.3, 1.0]);
        let page = markdown(&Machine::here(&[]), false, &[Table::Shapes], &rows);
        assert!(page.contains("| roots of ten children | 130 | 400 | 1.30 | 1.00 |"), "{page}");
    }

    #[test]
    fn a_row_has_a_median_and_its_spread_and_what_was_not_measured_has_a_dash() {
        let ns = |ns| measured(Table::Cpu, PeerName::Otel, false, [("cpu_ns", ns)]);
        let page = markdown(&Machine::here(&[]), false, &[Table::Cpu], &[ns(100.0), ns(300.0), ns(200.0)]);
        assert!(page.contains("| otel | 200 [100-300] | - | - | - |"), "{page}");
    }
}
