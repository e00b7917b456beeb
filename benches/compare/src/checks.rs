//! The promises that must hold in every row on every machine: [`problems`] lists the broken ones.

use crate::children::describe;
use crate::measure::Row;
use crate::plan::PeerName;

/// One line for each promise that a row breaks.
pub fn problems(rows: &[Row]) -> Vec<String> {
    let line = |row: &Row, problem: String| format!("{}: {problem}", describe(&row.scenario));
    rows.iter().flat_map(|row| problems_of(row).into_iter().map(move |problem| line(row, problem))).collect()
}

fn problems_of(row: &Row) -> Vec<String> {
    let mut problems = Vec::new();
    if row.received > row.created {
        problems.push(format!("{} spans arrived, only {} were made", row.received, row.created));
    }
    if row.recording_ns == 0 || row.threads_ns == 0 {
        problems.push("no time passed".to_owned());
    }
    if row.scenario.peer == PeerName::Floor && row.lost() > 0 {
        let lost = row.lost();
        problems
            .push(format!("the floor lost {lost} records: its reader had no CPU for too long, use a quieter machine"));
    }
    if row.scenario.peer.is_heirloom() {
        problems.extend(problems_of_heirloom(row));
    }
    problems
}

fn problems_of_heirloom(row: &Row) -> Vec<String> {
    let mut problems = Vec::new();
    let named = row.named_lost.unwrap_or(0);
    if row.lost() != named {
        problems.push(format!("{} spans lost, but the ledger names {named}", row.lost()));
    }
    if row.orphans > 0 {
        problems.push(format!("{} orphans", row.orphans));
    }
    if row.roots != 1 {
        problems.push(format!("{} roots arrived, expected one", row.roots));
    }
    problems
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::peers::Overload;
    use crate::plan::Scenario;

    /// A row of 100 spans on one thread that took 1 us in total.
    pub(crate) fn row(peer: PeerName, threads: usize, received: u64) -> Row {
        let scenario = Scenario {
            peer,
            threads,
            attributes: false,
            spans_per_thread: 100 / threads as u64,
            warm_up_spans: 0,
            ring_bytes: 1 << 20,
            on_main_thread: false,
            repetition: 0,
            overload: Overload::Init,
        };
        Row {
            scenario,
            created: 100,
            received,
            orphans: 0,
            roots: 1,
            named_lost: None,
            recording_ns: 1000,
            threads_ns: 1000,
            threads_cpu_ns: 1000,
            finish_ns: 1000,
            user_ns: 1000,
            system_ns: 1000,
            peak_rss_bytes: 1,
        }
    }

    #[test]
    fn heirloom_may_lose_only_what_it_names() {
        let silent = row(PeerName::Heirloom, 1, 90);
        assert_eq!(problems(std::slice::from_ref(&silent)).len(), 1);
        assert!(problems(&[Row { named_lost: Some(10), ..silent.clone() }]).is_empty());
        assert_eq!(problems(&[Row { named_lost: Some(10), orphans: 3, roots: 0, ..silent }]).len(), 2);
    }

    #[test]
    fn a_peer_may_lose_spans_but_not_invent_them() {
        assert!(problems(&[row(PeerName::Otel, 1, 10)]).is_empty());
        assert_eq!(problems(&[row(PeerName::Otel, 1, 101)]).len(), 1);
        assert_eq!(problems(&[row(PeerName::Floor, 1, 99)]).len(), 1);
    }
}
