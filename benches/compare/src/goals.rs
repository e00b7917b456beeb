//! Heirloom's goals for one thread, and whether they are reached.

use crate::measure::Row;
use crate::plan::PeerName;
use crate::stats::{ratios, select};

/// One goal: a ratio of two peers' times per span, in the same repetitions of the same run.
struct Goal {
    attributes: bool,
    over: PeerName,
    under: PeerName,
    /// Whether the ratio should be at most or at least `bound`.
    at_most: bool,
    bound: f64,
}

const GOALS: [Goal; 6] = [
    Goal { attributes: false, over: PeerName::Heirloom, under: PeerName::Floor, at_most: true, bound: 1.4 },
    Goal { attributes: true, over: PeerName::Heirloom, under: PeerName::Floor, at_most: true, bound: 1.8 },
    Goal { attributes: false, over: PeerName::FastraceLocal, under: PeerName::Heirloom, at_most: false, bound: 2.5 },
    Goal { attributes: true, over: PeerName::FastraceLocal, under: PeerName::Heirloom, at_most: false, bound: 5.0 },
    Goal { attributes: false, over: PeerName::Otel, under: PeerName::Heirloom, at_most: false, bound: 6.0 },
    Goal { attributes: true, over: PeerName::Otel, under: PeerName::Heirloom, at_most: false, bound: 6.0 },
];

/// A Markdown table of the goals; `None` if Heirloom is not among the rows.
pub fn markdown(rows: &[Row]) -> Option<String> {
    let lines: Vec<String> = GOALS.iter().filter_map(|goal| goal.line(rows)).collect();
    let header = "| time per span | attributes | goal | measured | reached | by CPU time of the thread |\n\
                  |---|---|---|---|---|---|\n";
    (!lines.is_empty()).then(|| format!("{header}{}", lines.concat()))
}

impl Goal {
    fn line(&self, rows: &[Row]) -> Option<String> {
        let of = |peer| select(rows, peer, 1, self.attributes);
        let measured = ratios(&of(self.over), &of(self.under), Row::ns_per_span)?;
        let by_cpu_time = ratios(&of(self.over), &of(self.under), Row::thread_cpu_ns_per_span);
        let lossless = of(PeerName::Heirloom).iter().all(|row| row.lost() == 0);
        let within = if self.at_most { measured.median <= self.bound } else { measured.median >= self.bound };
        let reached = match (lossless, within) {
            (false, _) => "spans lost",
            (true, true) => "yes",
            (true, false) => "no",
        };
        Some(format!(
            "| {} / {} | {} | {} {:.1} | {} | {} | {} |\n",
            self.over.label(),
            self.under.label(),
            if self.attributes { 3 } else { 0 },
            if self.at_most { "at most" } else { "at least" },
            self.bound,
            measured.text(2),
            reached,
            by_cpu_time.map_or_else(|| "-".to_owned(), |ratio| ratio.text(2)),
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::checks::tests::row;

    #[test]
    fn a_ratio_beyond_its_bound_is_not_reached() {
        let with = |heirloom_ns| {
            let rows =
                [row(PeerName::Floor, 1, 100), Row { threads_ns: heirloom_ns, ..row(PeerName::Heirloom, 1, 100) }];
            markdown(&rows).unwrap()
        };
        assert!(
            with(1390).contains("| heirloom / floor | 0 | at most 1.4 | 1.39 [1.39-1.39] | yes | 1.00 [1.00-1.00] |")
        );
        assert!(with(1410).contains("| no |"));
    }

    #[test]
    fn a_number_measured_while_spans_were_lost_does_not_count() {
        let rows = [row(PeerName::Floor, 1, 100), row(PeerName::Heirloom, 1, 99)];
        assert!(markdown(&rows).unwrap().contains("| spans lost |"));
    }

    #[test]
    fn without_heirloom_there_is_no_table() {
        assert_eq!(markdown(&[row(PeerName::Floor, 1, 100), row(PeerName::Otel, 1, 100)]), None);
    }
}
