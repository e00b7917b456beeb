//! The figures of an account that tests compare.

use heirloom_insight::account::Account;
use heirloom_insight::analysis::{Cause, Lost};

/// Cause and nanoseconds, the largest first.
pub(crate) fn causes(account: &Account) -> Vec<(Cause, u64)> {
    account.lost.iter().map(|lost| (lost.cause, lost.ns)).collect()
}

/// Name, lock and nanoseconds of those to blame for a cause.
pub(crate) fn blamed(account: &Account, cause: Cause) -> Vec<(&str, Option<&str>, u64)> {
    let lost: &Lost = account.lost.iter().find(|lost| lost.cause == cause).unwrap();
    lost.blamed.iter().map(|blame| (&*blame.name, blame.lock.as_deref(), blame.ns)).collect()
}

/// Capacity, work and loss.
pub(crate) fn sums(account: &Account) -> (u64, u64, u64) {
    (account.totals.capacity_ns, account.totals.work_ns, account.totals.lost_ns)
}
