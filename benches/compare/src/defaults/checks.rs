//! The promises that hold on every machine, even a busy one.

use super::plan::Table;
use super::Measured;

/// One line for each promise that a measurement breaks.
pub fn problems(measured: &[Measured]) -> Vec<String> {
    let line = |of: &Measured, problem: String| format!("{}: {problem}", of.task.describe());
    measured.iter().flat_map(|of| problems_of(of).into_iter().map(move |problem| line(of, problem))).collect()
}

fn problems_of(measured: &Measured) -> Vec<String> {
    let number = |name| measured.get(name).unwrap_or(0.0);
    let mut problems = Vec::new();
    if number("received") > number("created") {
        problems.push(format!("{} spans arrived, only {} were made", number("received"), number("created")));
    }
    if !measured.task.scenario.peer.is_heirloom() {
        return problems;
    }
    if number("unnamed") > 0.0 {
        problems.push(format!("the ledger doesn't name {} of the lost spans", number("unnamed")));
    }
    if number("orphans") > 0.0 {
        problems.push(format!("{} orphans", number("orphans")));
    }
    if measured.get("roots").is_some_and(|roots| roots != 1.0) {
        problems.push(format!("{} roots arrived, expected one", number("roots")));
    }
    let is_paced = matches!(measured.task.table, Table::Instructions | Table::Cpu | Table::Shapes);
    if is_paced && number("lost") > 0.0 {
        problems.push(format!("{} spans lost although paced", number("lost")));
    }
    problems
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::defaults::shapes::Shape;
    use crate::defaults::{numbers, Task};
    use crate::peers::Overload;
    use crate::plan::{PeerName, Scenario};

    pub(crate) fn measured<const N: usize>(
        table: Table,
        peer: PeerName,
        attributes: bool,
        pairs: [(&str, f64); N],
    ) -> Measured {
        let scenario = Scenario {
            peer,
            threads: 1,
            attributes,
            spans_per_thread: 100,
            warm_up_spans: 0,
            ring_bytes: 1 << 20,
            on_main_thread: false,
            repetition: 0,
            overload: Overload::Coarsen,
        };
        Measured { task: Task { table, shape: Shape::Plain, scenario }, numbers: numbers(pairs) }
    }

    fn count(table: Table, peer: PeerName, numbers: [(&str, f64); 3]) -> usize {
        problems(&[measured(table, peer, false, numbers)]).len()
    }

    #[test]
    fn heirloom_may_lose_what_it_names_and_only_where_it_is_not_paced() {
        let ours = PeerName::HeirloomDefault;
        let named = [("lost", 10.0), ("unnamed", 0.0), ("roots", 1.0)];
        assert_eq!(count(Table::EightThreads, ours, named), 0);
        assert_eq!(count(Table::Cpu, ours, named), 1);
        assert_eq!(count(Table::EightThreads, ours, [("lost", 10.0), ("unnamed", 1.0), ("roots", 1.0)]), 1);
        assert_eq!(count(Table::EightThreads, ours, [("lost", 0.0), ("orphans", 2.0), ("roots", 0.0)]), 2);
        assert_eq!(count(Table::Cpu, PeerName::Otel, named), 0);
    }

    #[test]
    fn no_peer_may_invent_spans() {
        let invented = [("created", 10.0), ("received", 11.0), ("roots", 1.0)];
        assert_eq!(count(Table::Rayon, PeerName::Otel, invented), 1);
    }
}
