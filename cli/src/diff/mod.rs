//! `heirloom diff`: two programs, or one before and after a change.

mod page;
mod sentences;
mod side;
mod stats;
mod text;

use crate::args::{Diff, General};
use crate::failure::Failure;
use crate::files::is_same;
use crate::terminal::{out, shown, Paint};
use heirloom_insight::html::Figure;
use side::Side;
use stats::Compared;
use std::io::Write;

/// What is compared.
#[derive(Debug)]
pub(crate) struct Row {
    /// What it is of.
    pub(crate) label: String,
    compared: Compared,
}

impl Row {
    fn figure(&self) -> Figure {
        let Compared { a, b, change, interval } = self.compared;
        Figure { label: self.label.clone(), a_ns: a, b_ns: b, change, interval, verdict: self.compared.verdict() }
    }
}

/// A name that both sides have.
#[derive(Debug)]
struct NameRow {
    /// The medians of its spans.
    row: Row,
    /// The time in its spans and in no span inside them, of a run.
    own: Row,
    /// How many spans a run of each side has.
    counts: [u64; 2],
}

/// A name that one side has only.
#[derive(Debug)]
struct Lone {
    name: String,
    own_ns: u64,
    median_ns: u64,
    count: u64,
}

/// Both sides, row by row.
#[derive(Debug)]
struct Table {
    /// How many runs each side has.
    runs: [usize; 2],
    wall: Row,
    work: Row,
    /// Lost time by cause.
    lost: Vec<Row>,
    /// Names that both sides have, by the difference of their own time.
    names: Vec<NameRow>,
    /// Names that one side has only, in order.
    only: [Vec<Lone>; 2],
    /// Names with another number of spans: the number of each side.
    counts: Vec<(String, u64, u64)>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &Diff, general: &General) -> Result<(), Failure> {
    let sides = match (&args.first, &args.second) {
        (Some(a), Some(b)) => [crate::runs::files_of(a)?, crate::runs::files_of(b)?],
        _ => [args.a.clone(), args.b.clone()],
    };
    let [a, b] = &sides;
    let page = args.html.as_deref();
    if let Some(path) = page.filter(|path| a.iter().chain(b).any(|file| is_same(file, path))) {
        return Err(Failure::at(path, "is a file that is read: expected another name with --html"));
    }
    let (a, b) = (Side::read(a, general, page.is_some())?, Side::read(b, general, page.is_some())?);
    let table = a.against(&b);
    let failed = table.over(args);
    let mut out = out();
    match (page, args.json) {
        (Some(path), _) if path.as_os_str() == "-" => {}
        (_, true) => text::json(&mut out, &table, &failed)?,
        (_, false) => text::plain(&mut out, &table, &failed, args, Paint::new(general.color))?,
    }
    if let Some(path) = page {
        page::write(path, [a, b], &table, general, &mut out)?;
        // Behind the object there would be no JSON.
        if path.as_os_str() != "-" && !args.json {
            writeln!(out, "\n{}", shown(&path.to_string_lossy()))?;
        }
    }
    out.flush()?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::Checked),
    }
}

impl Table {
    /// What is over the threshold.
    fn over(&self, args: &Diff) -> Vec<String> {
        let Some(percent) = args.threshold else { return Vec::new() };
        let names = self.names.iter().map(|name| &name.row).filter(|_| args.each);
        let rows = std::iter::once(&self.wall).chain(names);
        rows.filter(|row| row.compared.exceeds(percent)).map(|row| row.label.clone()).collect()
    }
}
