//! `--html`: both sides as a page.

use super::sentences::sentences;
use super::side::Side;
use super::{Lone, Row, Table};
use crate::args::General;
use crate::failure::Failure;
use crate::files::create;
use crate::progress::during;
use crate::report::{analysing, WRITING};
use crate::terminal::Out;
use heirloom_insight::html::{self, Compared, Comparison, Figure, Name};
use heirloom_insight::outline;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// The page has at most so many names that one side has only.
const MAX_LONE: usize = 1000;

/// Writes the page; to `out` if its path is `-`. The run with the median wall time of each side is drawn.
pub(super) fn write(
    path: &Path,
    [mut a, mut b]: [Side; 2],
    table: &Table,
    general: &General,
    out: &mut Out<'_>,
) -> Result<(), Failure> {
    let runs = [a.runs(), b.runs()];
    let ((run_a, file_a), (run_b, file_b)) = (a.median(general)?, b.median(general)?);
    let [of_a, of_b] = [&run_a, &run_b].map(|run| during(&analysing(run), || outline(run)));
    let side = |runs: usize, file: &Path| Compared { runs: runs as u32, file: file.to_string_lossy().into_owned() };
    let sides = [side(runs[0], file_a), side(runs[1], file_b)];
    let comparison = comparison(table, sides);
    let drawn = [(&run_a, &of_a), (&run_b, &of_b)];
    if path.as_os_str() == "-" {
        return Ok(during(WRITING, || html::compare(drawn, &comparison, out))?);
    }
    let failed = |error| Failure::at(path, format!("can't write it: {error}"));
    let mut page = BufWriter::with_capacity(256 << 10, create(path).map_err(failed)?);
    during(WRITING, || html::compare(drawn, &comparison, &mut page).and_then(|()| page.flush())).map_err(failed)
}

fn comparison(table: &Table, sides: [Compared; 2]) -> Comparison {
    let both =
        table.names.iter().map(|name| Name { counts: name.counts, own: name.own.figure(), median: name.row.figure() });
    let [in_a, in_b] = table.only.each_ref().map(|lone| lone.iter().take(MAX_LONE));
    let mut names: Vec<Name> =
        both.chain(in_a.map(|one| of_one(one, 0))).chain(in_b.map(|one| of_one(one, 1))).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.own.a_ns.abs_diff(name.own.b_ns)));
    let totals = [&table.wall, &table.work];
    let figures = totals.into_iter().chain(&table.lost).map(Row::figure).collect();
    Comparison { sentences: sentences(table, str::to_owned), sides, figures, names }
}

/// A name that only one side has.
fn of_one(lone: &Lone, side: usize) -> Name {
    let figure = |ns: u64| {
        let [a_ns, b_ns] = if side == 0 { [ns, 0] } else { [0, ns] };
        Figure { label: lone.name.clone(), a_ns, b_ns, ..Figure::default() }
    };
    let counts = if side == 0 { [lone.count, 0] } else { [0, lone.count] };
    Name { counts, own: figure(lone.own_ns), median: figure(lone.median_ns) }
}
