//! Statistics of the spans of each name.

use super::inflation::Inflation;
use crate::analysis::Name;
use crate::model::{Run, SpanIx};
use crate::sorted;

/// The names that have spans, by their own time. Takes 8 bytes for each span meanwhile.
pub(super) fn names(run: &Run, own_ns: &[u64], inflation: &Inflation) -> Vec<Name> {
    let mut firsts = vec![0_u32; run.names.len() + 1];
    run.spans.iter().for_each(|span| firsts[span.name as usize + 1] += 1);
    for name in 0..run.names.len() {
        firsts[name + 1] += firsts[name];
    }
    let mut lengths = vec![0_u64; run.spans.len()];
    let mut next = firsts.clone();
    let mut own = vec![0_u64; run.names.len()];
    let mut slowest: Vec<Option<(u64, SpanIx)>> = vec![None; run.names.len()];
    for (span, at) in run.spans.iter().zip(0..) {
        let (name, length) = (span.name as usize, span.end - span.start);
        lengths[next[name] as usize] = length;
        next[name] += 1;
        own[name] += own_ns[at as usize];
        if slowest[name].is_none_or(|known| known.0 < length) {
            slowest[name] = Some((length, at));
        }
    }
    let mut names = Vec::new();
    for (name, slowest) in slowest.iter().enumerate() {
        let Some((max_ns, slowest)) = *slowest else { continue };
        let lengths = &mut lengths[firsts[name] as usize..firsts[name + 1] as usize];
        let total: u128 = lengths.iter().map(|length| u128::from(*length)).sum();
        names.push(Name {
            name: run.names[name].to_string(),
            count: lengths.len() as u64,
            total_ns: u64::try_from(total).unwrap_or(u64::MAX),
            own_ns: own[name],
            critical_ns: 0,
            mean_ns: (total / lengths.len() as u128) as u64,
            histogram: histogram(lengths),
            median_ns: quantile(lengths, 50),
            p99_ns: quantile(lengths, 99),
            max_ns,
            slowest: run.spans[slowest as usize].id.to_string(),
            inflation: inflation.factor(name),
            by_busy: inflation.by_busy(name),
            by_lanes: Vec::new(),
        });
    }
    sorted::by(&mut names, |a, b| b.own_ns.cmp(&a.own_ns).then_with(|| a.name.cmp(&b.name)));
    names
}

/// The smallest value that `percent` of the values don't exceed (nearest rank). Reorders the values.
pub(super) fn quantile(values: &mut [u64], percent: usize) -> u64 {
    match values.len() {
        0 => 0,
        len => *values.select_nth_unstable((len * percent).div_ceil(100).max(1) - 1).1,
    }
}

/// How many values there are from each power of two up to the next.
fn histogram(values: &[u64]) -> Vec<(u64, u64)> {
    let mut counts = [0_u64; u64::BITS as usize];
    values.iter().for_each(|value| counts[value.max(&1).ilog2() as usize] += 1);
    let seen = |count: &u64| *count > 0;
    let (Some(first), Some(last)) = (counts.iter().position(seen), counts.iter().rposition(seen)) else {
        return Vec::new();
    };
    (first..=last).map(|power| (1 << power, counts[power])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let mut hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(
            (quantile(&mut hundred, 50), quantile(&mut hundred, 99), quantile(&mut hundred, 100)),
            (50, 99, 100)
        );
        assert_eq!((quantile(&mut [7], 50), quantile(&mut [3, 9], 50), quantile(&mut [], 99)), (7, 3, 0));
    }

    #[test]
    fn a_histogram_has_all_powers_between_the_shortest_and_the_longest() {
        assert_eq!(histogram(&[0, 1, 4, 5, 7, 16]), [(1, 2), (2, 0), (4, 3), (8, 0), (16, 1)]);
        assert_eq!(histogram(&[]), []);
    }
}
