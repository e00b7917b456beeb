//! The table of all programs.

use crate::machine::today;
use crate::row::{median, Row};
use heirloom_planted::Work;
use std::fmt::Write;

/// The table, in Markdown, and what isn't as it should be.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "Wall times are medians [min-max]; gains and differences are parts of the slow form's wall time; \"unexplained\" is a part of the capacity.\n\n\
         | program | work | cause named first | slow, ms | cure | predicted | mended, ms | measured | difference | unexplained |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(text, "{}", line(row));
    }
    text += &wrong(rows);
    text
}

/// The table of the docs: what was predicted and what was measured, and what isn't as it should be.
pub(crate) fn short(rows: &[Row], runs: usize) -> String {
    let mut text = format!(
        "{}, medians of {runs} runs ([all figures](../benches/results/{}-planted/results.md)):\n\n\
         | program | cause named first | cure | predicted | measured | difference | unexplained |\n\
         |---|---|---|---|---|---|---|\n",
        today(),
        today()
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.program.name,
            cause(row),
            row.program.expected.cure,
            row.predicted_gain().map_or_else(|| String::from("none"), percent),
            percent(row.measured_gain()),
            row.off().map_or_else(|| String::from("-"), percent),
            percent(row.unexplained()),
        );
    }
    text += &wrong(rows);
    text
}

/// What isn't as it should be, in words.
fn wrong(rows: &[Row]) -> String {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| !row.wrong().is_empty())
        .map(|row| format!("- {}: {}.\n", row.program.name, row.wrong().join("; ")))
        .collect();
    if wrong.is_empty() {
        String::from(
            "\nEvery cause is right, every difference within 10 %, and no more than 5 % of the capacity unexplained.\n",
        )
    } else {
        format!("\nNot as it should be:\n\n{}", wrong.concat())
    }
}

/// The cause that is named first.
fn cause(row: &Row) -> String {
    let cause = row.verdict.cause.map_or_else(|| String::from("nothing to gain"), |cause| words(&format!("{cause:?}")));
    let right = if !row.verdict.wrong.is_empty() { " (wrong)" } else { "" };
    format!("{cause}{right}")
}

/// The line of one program.
pub(crate) fn line(row: &Row) -> String {
    let work = match row.program.work {
        Work::Timed => "timed",
        Work::Computed => "computed",
    };
    format!(
        "| {} | {work} | {} | {} | {} | {} | {} | {} | {} | {} |",
        row.program.name,
        cause(row),
        times(&row.slow),
        row.program.expected.cure,
        row.predicted_gain().map_or_else(|| String::from("none"), percent),
        times(&row.mended),
        percent(row.measured_gain()),
        row.off().map_or_else(|| String::from("-"), percent),
        percent(row.unexplained()),
    )
}

fn percent(part: f64) -> String {
    // Without a negative zero.
    format!("{:.1} %", (1000.0 * part).round() / 10.0 + 0.0)
}

/// Milliseconds: median [min-max].
fn times(sorted: &[u64]) -> String {
    let ms = |ns: u64| ns as f64 / 1e6;
    format!("{:.0} [{:.0}-{:.0}]", median(sorted) / 1e6, ms(sorted[0]), ms(sorted[sorted.len() - 1]))
}

/// `EmptyQueue` as `empty queue`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
