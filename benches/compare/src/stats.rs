//! Rows of one kind, and their ratios.

use crate::measure::Row;
use crate::plan::PeerName;
use crate::summary::Summary;

/// The rows of one peer in one scenario, over all repetitions.
pub fn select(rows: &[Row], peer: PeerName, threads: usize, attributes: bool) -> Vec<&Row> {
    let wanted = |row: &&Row| {
        let scenario = &row.scenario;
        (scenario.peer, scenario.threads, scenario.attributes) == (peer, threads, attributes)
    };
    rows.iter().filter(wanted).collect()
}

/// `value` of each of `ours` over that of the row of `theirs` from the same repetition.
pub fn ratios(ours: &[&Row], theirs: &[&Row], value: impl Fn(&Row) -> f64) -> Option<Summary> {
    let ratio = |row: &&Row| {
        let same = theirs.iter().find(|other| other.scenario.repetition == row.scenario.repetition)?;
        let divisor = value(same);
        (divisor > 0.0).then(|| value(row) / divisor)
    };
    Summary::of(ours.iter().filter_map(ratio))
}
