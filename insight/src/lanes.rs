//! How long spans take in runs of one program on several numbers of lanes.

use crate::account::threads;
use crate::analysis::Name;
use crate::model::Run;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The number of spans, and the sum of their lengths.
type Sum = (u64, u128);

/// Adds [`Name::by_lanes`], unless all runs were on the same number of lanes. Takes O(n) time for n spans.
pub(crate) fn add(names: &mut [Name], runs: &[&Run]) {
    let numbers: BTreeSet<u32> = runs.iter().map(|run| threads(run)).collect();
    if numbers.len() < 2 {
        return;
    }
    let mut sums: HashMap<&str, BTreeMap<u32, Sum>> = HashMap::new();
    for run in runs {
        let lanes = threads(run);
        for (name, (count, length)) in run.names.iter().zip(lengths(run)).filter(|(_, (count, _))| *count > 0) {
            let sum = sums.entry(name).or_default().entry(lanes).or_default();
            *sum = (sum.0 + count, sum.1 + length);
        }
    }
    for name in names {
        let of_name = sums.get(name.name.as_str()).into_iter().flatten();
        name.by_lanes = of_name.map(|(lanes, (count, sum))| (*lanes, (sum / u128::from(*count)) as u64)).collect();
    }
}

/// Of each name of the run.
fn lengths(run: &Run) -> Vec<Sum> {
    let mut sums = vec![(0, 0); run.names.len()];
    for span in &run.spans {
        let sum: &mut Sum = &mut sums[span.name as usize];
        *sum = (sum.0 + 1, sum.1 + u128::from(span.end.saturating_sub(span.start)));
    }
    sums
}

#[cfg(test)]
mod tests {
    use crate::testing::Kit;
    use crate::{analyse, model::Run, Options};

    /// A run on some lanes, on each of which `hash` takes so long.
    fn run(lanes: u32, hash: u64) -> Run {
        let mut kit = Kit::new();
        for lane in 0..lanes {
            let lane = kit.lane(&format!("pool-{lane}"));
            kit.span(lane, "hash", None, 0..hash);
        }
        kit.run()
    }

    #[test]
    fn mean_times_of_a_name_are_compared_between_runs_on_other_numbers_of_lanes() {
        let others = [run(1, 100), run(2, 130), run(4, 200), run(2, 150)];
        let analysis = analyse(&run(4, 240), &Options { others: &others, ..Options::default() });
        assert_eq!(analysis.names[0].by_lanes, [(1, 100), (2, 140), (4, 220)]);
        let one = run(1, 90);
        let alone = analyse(&run(2, 180), &Options { on_one_lane: Some(&one), ..Options::default() });
        assert_eq!(alone.names[0].by_lanes, [(1, 90), (2, 180)]);
    }

    #[test]
    fn runs_on_one_number_of_lanes_have_no_such_figure() {
        let analysis = analyse(&run(2, 100), &Options { others: &[run(2, 120)], ..Options::default() });
        assert_eq!(analysis.names[0].by_lanes, []);
    }

    /// A run on one lane is slower, and that is no noise of the runs on four.
    #[test]
    fn the_spread_is_that_of_runs_on_as_many_lanes() {
        use crate::findings::Spread;
        let spread = Spread::of(&run(4, 100), &[run(1, 400), run(4, 104)], &[]);
        assert_eq!((spread.runs, (spread.part * 100.0).round()), (2, 4.0));
        let spread = Spread::of(&run(4, 100), &[run(1, 400)], &[104, 110]);
        assert_eq!((spread.runs, (spread.part * 1000.0).round()), (3, 96.0));
    }
}
