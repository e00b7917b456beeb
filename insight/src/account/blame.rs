//! [`Ledger`]: who is to blame for how much, and sums that are exact.

use crate::analysis::{Blame, Cause, Lost};
use crate::model::{LockIx, NameIx, Run, SpanIx};
use crate::sorted;
use std::collections::HashMap;

/// How many spans are named with a name that is to blame.
const SPANS: usize = 5;
/// How many names a cause has.
const NAMES: usize = 20;

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Culprit {
    pub(super) cause: Cause,
    pub(super) who: Who,
    pub(super) lock: Option<LockIx>,
}

/// What is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Who {
    Unknown,
    Spans(NameIx),
    /// Threads without spans, by lane.
    Thread(u32),
}

#[derive(Clone, Debug, Default)]
struct Entry {
    amount: u128,
    /// The spans with the largest amounts seen so far.
    spans: Vec<(SpanIx, u128)>,
}

/// Amounts by culprit. Their unit is the caller's: only their proportions count in the end.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<Culprit, Entry>,
}

impl Ledger {
    /// Charges an amount to a culprit, and to one of its spans.
    pub(super) fn charge(&mut self, culprit: Culprit, span: Option<SpanIx>, amount: u128) {
        if amount == 0 {
            return;
        }
        let entry = self.entries.entry(culprit).or_default();
        entry.amount += amount;
        let Some(span) = span else { return };
        let spans = &mut entry.spans;
        if let Some(known) = spans.iter_mut().find(|known| known.0 == span) {
            known.1 += amount;
        } else if spans.len() < SPANS {
            spans.push((span, amount));
        } else if let Some(least) = spans.iter_mut().min_by_key(|known| known.1).filter(|least| least.1 < amount) {
            *least = (span, amount);
        }
    }

    /// Takes `part / whole` of all that is charged to a cause, at most `most` in all, from each culprit in proportion. Returns how
    /// much that is.
    pub(super) fn take(&mut self, cause: Cause, part: u128, whole: u128, most: u128) -> u128 {
        let of_cause = || self.entries.iter().filter(|(culprit, _)| culprit.cause == cause);
        let all: u128 = of_cause().map(|(_, entry)| entry.amount).sum();
        // Shares have 32 bits after the point. Amounts have 50, so that no product overflows without the last 16 of these.
        let share = |part: u128, whole: u128| (part.min(whole) << 32).checked_div(whole).unwrap_or(0);
        let share = share(part, whole).min(share(most >> 16, all >> 16));
        let mut taken = 0;
        for (_, entry) in self.entries.iter_mut().filter(|(culprit, _)| culprit.cause == cause) {
            let less = ((entry.amount >> 16) * share) >> 16;
            entry.amount -= less;
            taken += less;
        }
        taken
    }

    /// Lost time by cause: `total_ns` in all, to the nanosecond. Amounts are nanoseconds times `unit`.
    pub(super) fn lost(self, run: &Run, total_ns: u64, unit: u128) -> Vec<Lost> {
        let mut entries: Vec<(Culprit, Entry)> = self.entries.into_iter().collect();
        sorted::by_key(&mut entries, |entry| entry.0);
        let causes: Vec<&[(Culprit, Entry)]> = entries.chunk_by(|a, b| a.0.cause == b.0.cause).collect();
        let amounts: Vec<u128> = causes.iter().map(|of| of.iter().map(|entry| entry.1.amount).sum()).collect();
        let (shares, left) = share(total_ns, &amounts, unit);
        let mut lost: Vec<Lost> = causes.iter().zip(&shares).map(|(of, ns)| cause(run, of, *ns, unit)).collect();
        if left > 0 {
            match lost.iter_mut().find(|lost| lost.cause == Cause::Unexplained) {
                Some(lost) => lost.ns += left,
                None => lost.push(Lost { cause: Cause::Unexplained, ns: left, blamed: Vec::new() }),
            }
        }
        lost.retain(|lost| lost.ns > 0);
        sorted::by_key(&mut lost, |lost| (u64::MAX - lost.ns, lost.cause));
        lost
    }
}

/// Shares out nanoseconds by the method of the largest remainder: each gets the whole nanoseconds of its amount, and what rounding
/// left goes to those with the largest rest, one each. Returns also what is left over then.
fn share(total_ns: u64, amounts: &[u128], unit: u128) -> (Vec<u64>, u64) {
    let mut left = total_ns;
    let mut shares = Vec::with_capacity(amounts.len());
    for amount in amounts {
        let ns = u64::try_from(amount / unit).unwrap_or(u64::MAX).min(left);
        left -= ns;
        shares.push(ns);
    }
    let mut rests: Vec<usize> = (0..amounts.len()).filter(|at| amounts[*at] % unit != 0).collect();
    sorted::by_key(&mut rests, |at| std::cmp::Reverse(amounts[*at] % unit));
    for at in rests {
        if left > 0 {
            shares[at] += 1;
            left -= 1;
        }
    }
    (shares, left)
}

fn cause(run: &Run, entries: &[(Culprit, Entry)], ns: u64, unit: u128) -> Lost {
    let amounts: Vec<u128> = entries.iter().map(|entry| entry.1.amount).collect();
    let (shares, _) = share(ns, &amounts, unit);
    let named = entries
        .iter()
        .zip(shares)
        .filter(|((culprit, _), ns)| *ns > 0 && (culprit.who != Who::Unknown || culprit.lock.is_some()));
    let mut blamed: Vec<Blame> = named.map(|((culprit, entry), ns)| blame(run, culprit, entry, ns)).collect();
    sorted::by(&mut blamed, |a, b| b.ns.cmp(&a.ns).then_with(|| (&a.name, &a.lock).cmp(&(&b.name, &b.lock))));
    blamed.truncate(NAMES);
    Lost { cause: entries[0].0.cause, ns, blamed }
}

fn blame(run: &Run, culprit: &Culprit, entry: &Entry, ns: u64) -> Blame {
    let name = match culprit.who {
        Who::Unknown => String::new(),
        Who::Spans(name) => run.names[name as usize].to_string(),
        Who::Thread(lane) => run.lanes[lane as usize].label(),
    };
    let lock = culprit.lock.map(|lock| run.locks[lock as usize].name.to_string());
    let mut spans = entry.spans.clone();
    sorted::by_key(&mut spans, |(span, amount)| (std::cmp::Reverse(*amount), *span));
    Blame { name, lock, ns, spans: spans.iter().map(|(span, _)| run.spans[*span as usize].id.to_string()).collect() }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up_to_the_total() {
        assert_eq!(share(10, &[333, 333, 334], 100), (vec![3, 3, 4], 0));
        assert_eq!(share(10, &[350, 350, 300], 100), (vec![4, 3, 3], 0));
        assert_eq!(share(10, &[100], 100), (vec![1], 9), "what nothing explains is left over");
        assert_eq!(share(2, &[300, 100], 100), (vec![2, 0], 0), "never more than there is");
        assert_eq!(share(0, &[], 100), (vec![], 0));
    }
}
