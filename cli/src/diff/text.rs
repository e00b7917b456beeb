//! A comparison, for people and as JSON.

use super::sentences::{percent, sentences};
use super::stats::Verdict;
use super::{Lone, Row, Table};
use crate::args::Diff;
use crate::terminal::{name, paragraph, Paint};
use heirloom_insight::text::units::{count, counted, duration};
use serde_json::json;
use std::io::{self, Write};

/// The width of the labels.
const LABEL: usize = 25;
/// How many names are listed that one side has only, or with other counts.
const MAX_LISTED: usize = 8;

/// Writes the sentences, the table, and what is over the threshold.
pub(super) fn plain(
    out: &mut impl Write,
    table: &Table,
    failed: &[String],
    args: &Diff,
    paint: Paint,
) -> io::Result<()> {
    let [a, b] = table.runs;
    let runs = |runs: usize| counted(runs as u64, "run", "runs");
    sentences(table, name).iter().try_for_each(|sentence| paragraph(out, sentence))?;
    writeln!(out)?;
    let head = format!("{:<LABEL$}{:>10}{:>10}{:>9}  {}", "", "A", "B", "change", "95 % interval");
    writeln!(out, "{}", paint.bold(&head))?;
    writeln!(out, "{:<LABEL$}{:>10}{:>10}", "", runs(a), runs(b))?;
    let totals = [&table.wall, &table.work];
    for row in totals.into_iter().chain(&table.lost) {
        line(out, row, paint)?;
    }
    if !table.names.is_empty() {
        writeln!(out, "\n{}", paint.bold("median of a span"))?;
        for row in table.names.iter().map(|name| &name.row).take(args.list) {
            line(out, row, paint)?;
        }
        let rest = table.names.len().saturating_sub(args.list);
        if rest > 0 {
            writeln!(out, "and {} more names: --list {}", count(rest as u64), table.names.len())?;
        }
    }
    if !table.counts.is_empty() {
        writeln!(out, "\n{}", paint.bold("number of spans"))?;
        for (label, a, b) in table.counts.iter().take(MAX_LISTED) {
            writeln!(out, "{}{:>10}{:>10}", column(label), count(*a), count(*b))?;
        }
    }
    for (side, names) in ["A", "B"].into_iter().zip(&table.only) {
        if !names.is_empty() {
            writeln!(out, "\n{}", paint.bold(&format!("only in {side}")))?;
            for lone in names.iter().take(MAX_LISTED) {
                writeln!(out, "{}", name(&lone.name))?;
            }
        }
    }
    match (args.threshold, failed) {
        (None, _) => Ok(()),
        (Some(percent), []) => writeln!(out, "\n{}", paint.green(&format!("ok: not over {percent} %"))),
        (Some(percent), failed) => {
            let failed: Vec<String> = failed.iter().map(|label| name(label)).collect();
            writeln!(out, "\n{}", paint.red(&format!("failed: over {percent} %: {}", failed.join(", "))))
        }
    }
}

fn line(out: &mut impl Write, row: &Row, paint: Paint) -> io::Result<()> {
    let compared = &row.compared;
    let change = compared.change.map_or_else(|| "-".to_owned(), |change| format!("{} %", percent(change)));
    let interval = compared.interval.map(|(low, high)| format!("{} to {} %", percent(low), percent(high)));
    let interval = match (interval, compared.verdict()) {
        (None, _) => String::new(),
        (Some(interval), Verdict::Noise) => paint.dim(&format!("noise: {interval}")),
        (Some(interval), Verdict::More) => paint.red(&interval),
        (Some(interval), _) => paint.green(&interval),
    };
    let line = format!(
        "{}{:>10}{:>10}{change:>9}  {interval}",
        column(&row.label),
        duration(compared.a),
        duration(compared.b)
    );
    writeln!(out, "{}", line.trim_end())
}

/// A label in its column.
fn column(label: &str) -> String {
    let shown = name(label);
    match shown.chars().count() < LABEL {
        true => format!("{shown:<LABEL$}"),
        false => format!("{}… ", shown.chars().take(LABEL - 2).collect::<String>()),
    }
}

/// Writes everything as one object.
pub(super) fn json(out: &mut impl Write, table: &Table, failed: &[String]) -> io::Result<()> {
    let rows = |rows: &[Row]| rows.iter().map(Row::figure).collect::<Vec<_>>();
    let names = |lone: &[Lone]| lone.iter().map(|lone| lone.name.clone()).collect::<Vec<_>>();
    let counts = table.counts.iter().map(|(label, a, b)| json!({ "label": label, "a": a, "b": b }));
    let all = json!({
        "runs": table.runs,
        "sentences": sentences(table, str::to_owned),
        "wall": table.wall.figure(),
        "work": table.work.figure(),
        "lost": rows(&table.lost),
        "names": table.names.iter().map(|name| name.row.figure()).collect::<Vec<_>>(),
        "counts": counts.collect::<Vec<_>>(),
        "only_in_a": names(&table.only[0]),
        "only_in_b": names(&table.only[1]),
        "failed": failed,
    });
    writeln!(out, "{all:#}")
}
