//! The numbers to reach, and whether they are.

use super::plan::Table;
use super::report::{short, values};
use super::Measured;
use crate::summary::Summary;

/// An upper bound for one number of one row.
#[derive(Clone, Copy, Debug)]
struct Goal {
    what: &'static str,
    table: Table,
    row: &'static str,
    number: &'static str,
    /// Without and with three attributes; `None` where there is no bound.
    bounds: [Option<f64>; 2],
    unit: &'static str,
}

/// Rows of the tables.
const DEFAULT: &str = "heirloom-default";
const OTEL: &str = "heirloom-otel";
const WAIT: &str = "heirloom-default, wait";
const COARSEN: &str = "heirloom-default, coarsen";

const GOALS: [Goal; 15] = [
    goal("instructions per span, all threads", (Table::Instructions, DEFAULT, "all_threads"), [300.0, 700.0], ""),
    goal("instructions per span, recording thread", (Table::Instructions, DEFAULT, "recording"), [110.0, 240.0], ""),
    goal("CPU of the process per span, nothing lost", (Table::Cpu, DEFAULT, "cpu_ns"), [70.0, 140.0], " ns"),
    goal("one thread flat out, waiting: lost", (Table::OneThread, WAIT, "lost_percent"), [0.0, 0.0], " %"),
    Goal {
        what: "one thread flat out, waiting: time per span",
        table: Table::OneThread,
        row: WAIT,
        number: "ns",
        bounds: [Some(60.0), None],
        unit: " ns",
    },
    goal("8 threads flat out, waiting: lost", (Table::EightThreads, WAIT, "lost_percent"), [1.0, 1.0], " %"),
    goal("8 threads flat out, coarsening: lost, not named", (Table::EightThreads, COARSEN, "unnamed"), [0.0, 0.0], ""),
    goal("rayon, items of 1 us, a span each: slower by", (Table::Rayon, DEFAULT, "slower_percent"), [9.0, 12.0], " %"),
    goal("OpenTelemetry's exporter: CPU added per item", (Table::Rayon, OTEL, "added_cpu_ns"), [250.0, 600.0], " ns"),
    goal("p99.99 of one span each 2 us", (Table::Latency, DEFAULT, "p99.99"), [700.0, 2000.0], " ns"),
    goal("512 threads ended: memory above the start", (Table::Ended, DEFAULT, "memory_mb"), [10.0, 10.0], " MB"),
    goal("8 threads through tracing's layer: lost", (Table::Layer, DEFAULT, "lost_percent"), [0.0, 0.0], " %"),
    shape("roots of ten children"),
    shape("one handed-out context per ten spans"),
    shape("trace values set"),
];

const fn goal(
    what: &'static str,
    (table, row, number): (Table, &'static str, &'static str),
    bounds: [f64; 2],
    unit: &'static str,
) -> Goal {
    Goal { what, table, row, number, bounds: [Some(bounds[0]), Some(bounds[1])], unit }
}

/// Instructions of all threads, in multiples of those for children of one parent.
const fn shape(row: &'static str) -> Goal {
    goal(row, (Table::Shapes, row, "ratio"), [1.3, 1.3], " times plain children")
}

/// A Markdown table of the goals of these tables.
pub fn markdown(measured: &[Measured], tables: &[Table]) -> String {
    let goals = GOALS.iter().filter(|goal| tables.contains(&goal.table));
    let header = "| what | attributes | at most | measured | reached |\n|---|---|---|---|---|\n";
    let lines = goals.flat_map(|goal| [false, true].map(|attributes| goal.line(measured, attributes)));
    format!("{header}{}", lines.flatten().collect::<String>())
}

impl Goal {
    /// Whether it bounds the losses. All others count only if nothing was lost: a lost span costs less.
    fn is_about_losses(&self) -> bool {
        matches!(self.number, "lost_percent" | "unnamed")
    }

    /// The number that says whether spans were lost.
    fn losses(&self) -> &'static str {
        match self.table {
            Table::Shapes => "lost",
            _ => "lost_percent",
        }
    }

    fn line(&self, measured: &[Measured], attributes: bool) -> Option<String> {
        let bound = self.bounds[usize::from(attributes)]?;
        let values = |number| Summary::of(values(measured, self.table, self.row, number, attributes));
        let (text, reached) = match values(self.number) {
            None => ("-".to_owned(), "not measured"),
            Some(summary) => {
                let digits = if summary.max < 10.0 { 2 } else { 0 };
                let lossless = self.is_about_losses() || values(self.losses()).is_some_and(|lost| lost.max == 0.0);
                let reached = match (lossless, summary.median <= bound) {
                    (false, _) => "spans lost",
                    (true, true) => "yes",
                    (true, false) => "no",
                };
                (short(summary, digits) + self.unit, reached)
            }
        };
        let attributes = if attributes { 3 } else { 0 };
        Some(format!("| {} | {attributes} | {bound}{} | {text} | {reached} |\n", self.what, self.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::checks::tests::measured;
    use crate::plan::PeerName;

    #[test]
    fn a_goal_is_reached_up_to_its_bound_and_each_number_of_attributes_has_a_separate_one() {
        let with = |ns, attributes| {
            let numbers = [("p99.99", ns), ("lost_percent", 0.0)];
            let row = measured(Table::Latency, PeerName::HeirloomDefault, attributes, numbers);
            markdown(&[row], &[Table::Latency])
        };
        assert!(with(700.0, false).contains("| 0 | 700 ns | 700 ns | yes |"), "{}", with(700.0, false));
        assert!(with(701.0, false).contains("| 0 | 700 ns | 701 ns | no |"));
        assert!(with(701.0, true).contains("| 3 | 2000 ns | 701 ns | yes |"));
        assert!(with(701.0, true).contains("| 0 | 700 ns | - | not measured |"));
    }

    #[test]
    fn a_number_measured_while_spans_were_lost_reaches_no_goal() {
        let with = |numbers: [(&str, f64); 2]| {
            markdown(&[measured(Table::Ended, PeerName::HeirloomDefault, false, numbers)], &[Table::Ended])
        };
        assert!(with([("memory_mb", 7.0), ("lost_percent", 0.0)]).contains("| 7.00 MB | yes |"));
        assert!(with([("memory_mb", 7.0), ("lost_percent", 0.1)]).contains("| 7.00 MB | spans lost |"));
        assert!(with([("memory_mb", 7.0), ("other", 0.0)]).contains("| 7.00 MB | spans lost |"));
        let lost = |percent| {
            let mut row = measured(Table::EightThreads, PeerName::HeirloomDefault, false, [("lost_percent", percent)]);
            row.task.scenario.overload = crate::peers::Overload::Wait;
            markdown(&[row], &[Table::EightThreads])
        };
        assert!(lost(0.5).contains("| 0.50 % | yes |"), "{}", lost(0.5));
    }

    #[test]
    fn rivals_numbers_reach_no_goal() {
        let row = measured(Table::Latency, PeerName::Otel, false, [("p99.99", 1.0)]);
        assert!(!markdown(&[row], &Table::ALL).contains("| yes |"));
    }
}
