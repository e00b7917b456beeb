//! Results as Markdown tables and as JSON.

use crate::children::Outcome;
use crate::machine::Machine;
use crate::measure::Row;
use crate::plan::{PeerName, Plan};
use crate::stats::{ratios, select};
use crate::summary::Summary;
use serde::Serialize;
use std::fmt::Write;

/// A run: its arguments, its machine and its results. The JSON file contains it.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// `contention` or `single`.
    pub benchmark: &'a str,
    /// The arguments of the command.
    pub arguments: Vec<String>,
    /// The machine and the date.
    pub machine: &'a Machine,
    /// Every measurement.
    pub rows: &'a [Row],
    /// The failed measurements.
    pub failures: &'a [String],
    /// The broken promises.
    pub problems: &'a [String],
}

impl Report<'_> {
    /// The whole report, for a file.
    pub fn json(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n").map_err(|error| error.to_string())
    }
}

/// The table of `contention`: an overview for each kind of span, then every number.
pub fn contention(plan: &Plan, machine: &Machine, outcome: &Outcome) -> String {
    let mut text = format!(
        "# Threads recording under one parent, {}\n\n{}\n\n```sh\n{}\n```\n\n{} spans per measurement, shared by the threads; median \
         [min-max] of {} interleaved repetitions, each in a separate process.\n",
        machine.date,
        machine.markdown(),
        machine.command,
        plan.spans,
        plan.repetitions
    );
    for attributes in [false, true] {
        let title = title(attributes);
        let _ = write!(text, "\n## Million recorded spans per second, {title} (lost)\n\n");
        overview(&mut text, plan, &outcome.rows, attributes);
    }
    for attributes in [false, true] {
        let _ = write!(text, "\n## Every number, {}\n\n", title(attributes));
        text.push_str(
            "| peer | threads | M spans/s | floor / peer | ns/span | thread CPU ns/span | lost | named | orphans | \
             process CPU ns/span | delivered M/s | peak MB |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for &threads in &plan.threads {
            for &peer in &plan.peers {
                details(&mut text, &outcome.rows, peer, threads, attributes);
            }
        }
    }
    text
}

/// The table of `single`.
pub fn single(plan: &Plan, machine: &Machine, outcome: &Outcome) -> String {
    let mut text = format!(
        "# One child span, one thread, {}\n\n{}\n\n```sh\n{}\n```\n\n{} spans per measurement; median [min-max] of {} interleaved \
         repetitions, each in a separate process.\n",
        machine.date,
        machine.markdown(),
        machine.command,
        plan.spans,
        plan.repetitions
    );
    for attributes in [false, true] {
        let _ = write!(text, "\n## {}\n\n", title(attributes));
        text.push_str(
            "| peer | ns/span | peer / floor | thread CPU ns/span | lost | process CPU ns/span | peak MB |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for &peer in &plan.peers {
            single_line(&mut text, &outcome.rows, peer, attributes);
        }
    }
    if let Some(goals) = crate::goals::markdown(&outcome.rows) {
        let _ = write!(text, "\n## Numbers to reach\n\n{goals}");
    }
    text
}

fn title(attributes: bool) -> &'static str {
    if attributes {
        "three attributes"
    } else {
        "no attributes"
    }
}

fn overview(text: &mut String, plan: &Plan, rows: &[Row], attributes: bool) {
    let threads: Vec<String> = plan.threads.iter().map(|n| format!(" {n} |")).collect();
    let _ = writeln!(text, "| peer \\ threads |{}\n|---|{}", threads.concat(), "---|".repeat(threads.len()));
    for &peer in &plan.peers {
        let _ = write!(text, "| {} |", peer.label());
        for &threads in &plan.threads {
            let rows = select(rows, peer, threads, attributes);
            let speed = Summary::of(rows.iter().map(|row| row.recorded_per_second() / 1e6));
            let _ = match speed {
                Some(speed) => write!(text, " {:.2} ({}) |", speed.median, lost(&rows)),
                None => write!(text, " - |"),
            };
        }
        text.push('\n');
    }
}

fn details(text: &mut String, all: &[Row], peer: PeerName, threads: usize, attributes: bool) {
    let rows = select(all, peer, threads, attributes);
    let floor = select(all, PeerName::Floor, threads, attributes);
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "| {} | {threads} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        peer.label(),
        cell(&rows, 2, |row| row.recorded_per_second() / 1e6),
        ratios(&floor, &rows, Row::recorded_per_second).map_or_else(|| "-".to_owned(), |ratio| ratio.text(2)),
        cell(&rows, 1, Row::ns_per_span),
        cell(&rows, 1, Row::thread_cpu_ns_per_span),
        lost(&rows),
        named(&rows),
        rows.iter().map(|row| row.orphans).max().unwrap_or(0),
        cell(&rows, 1, Row::cpu_ns_per_span),
        median(&rows, 2, |row| row.delivered_per_second() / 1e6),
        median(&rows, 0, |row| row.peak_rss_bytes as f64 / 1e6),
    );
}

fn single_line(text: &mut String, all: &[Row], peer: PeerName, attributes: bool) {
    let rows = select(all, peer, 1, attributes);
    let floor = select(all, PeerName::Floor, 1, attributes);
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} |",
        peer.label(),
        cell(&rows, 1, Row::ns_per_span),
        ratios(&rows, &floor, Row::ns_per_span).map_or_else(|| "-".to_owned(), |ratio| ratio.text(2)),
        cell(&rows, 1, Row::thread_cpu_ns_per_span),
        lost(&rows),
        cell(&rows, 1, Row::cpu_ns_per_span),
        median(&rows, 0, |row| row.peak_rss_bytes as f64 / 1e6),
    );
}

fn cell(rows: &[&Row], digits: usize, value: impl Fn(&Row) -> f64) -> String {
    Summary::of(rows.iter().map(|row| value(row))).map_or_else(|| "-".to_owned(), |summary| summary.text(digits))
}

fn median(rows: &[&Row], digits: usize, value: impl Fn(&Row) -> f64) -> String {
    Summary::of(rows.iter().map(|row| value(row))).map_or_else(|| "-".to_owned(), |s| format!("{:.digits$}", s.median))
}

/// The median loss in percent; `0` only if no repetition lost anything.
fn lost(rows: &[&Row]) -> String {
    let any = rows.iter().any(|row| row.lost() > 0);
    match Summary::of(rows.iter().map(|row| row.lost_percent())) {
        Some(lost) if any && lost.median < 0.05 => "< 0.1 %".to_owned(),
        Some(lost) if any => format!("{:.1} %", lost.median),
        _ => "0".to_owned(),
    }
}

/// Whether the tracer itself counts the lost spans: `all`, `some`, or `-` for a tracer without a count.
fn named(rows: &[&Row]) -> &'static str {
    match rows.iter().map(|row| row.named_lost.map(|named| named >= row.lost())).collect::<Option<Vec<bool>>>() {
        None => "-",
        Some(complete) if complete.iter().all(|complete| *complete) => "all",
        Some(_) => "some",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::tests::row;

    #[test]
    fn a_loss_too_small_to_print_is_not_printed_as_none() {
        let (all, most) = (row(PeerName::Otel, 1, 100), row(PeerName::Otel, 1, 60));
        assert_eq!(lost(&[&all]), "0");
        assert_eq!(lost(&[&all, &all, &most]), "< 0.1 %");
        assert_eq!(lost(&[&most]), "40.0 %");
    }

    #[test]
    fn losses_count_as_named_only_if_every_one_is() {
        let silent = row(PeerName::Otel, 1, 60);
        assert_eq!(named(&[&silent]), "-");
        assert_eq!(named(&[&Row { named_lost: Some(40), ..silent.clone() }]), "all");
        assert_eq!(named(&[&Row { named_lost: Some(39), ..silent }]), "some");
    }

    #[test]
    fn each_measured_peer_has_a_line_in_each_table() {
        let peers = vec![PeerName::Floor, PeerName::Otel];
        let plan =
            Plan { peers, threads: vec![1, 2], spans: 100, repetitions: 1, ring_bytes: None, on_main_thread: false };
        let rows = vec![row(PeerName::Floor, 1, 100), row(PeerName::Otel, 1, 50), row(PeerName::Otel, 2, 50)];
        let text = contention(&plan, &Machine::here(&[]), &Outcome { rows, failures: Vec::new() });
        assert!(text.contains("| otel | 50.00 (50.0 %) | 50.00 (50.0 %) |"), "{text}");
        assert!(text.contains("| otel | 1 | 50.00 [50.00-50.00] | 2.00 [2.00-2.00] | 10.0 [10.0-10.0] |"), "{text}");
        assert!(text.contains("| floor | 100.00 (0) | - |"), "{text}");
    }
}
