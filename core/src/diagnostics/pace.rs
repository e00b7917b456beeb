//! Limits how often one cause is reported.

use std::time::{Duration, Instant};

/// The shortest time between two reports of the same cause.
pub(crate) const REPORT_EVERY: Duration = Duration::from_secs(60);

/// The reports about one cause.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    said: u64,
    last: Option<Instant>,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { said: 0, last: None }
    }

    /// How many of `total` to report now: all that were not reported yet, if there are any and the last report is at least
    /// `every` ago.
    pub(crate) fn due(&mut self, total: u64, now: Instant, every: Duration) -> Option<u64> {
        let new = total.saturating_sub(self.said);
        let is_due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= every);
        if new == 0 || !is_due {
            return None;
        }
        *self = Self { said: total, last: Some(now) };
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_reported_at_once_and_then_at_most_once_a_minute_with_the_number_since() {
        let start = Instant::now();
        let mut pace = Pace::default();
        let mut at = |seconds, total| pace.due(total, start + Duration::from_secs(seconds), REPORT_EVERY);
        assert_eq!(at(0, 0), None, "nothing was lost");
        assert_eq!(at(1, 5), Some(5));
        assert_eq!([at(2, 6), at(30, 900), at(60, 901)], [None; 3]);
        assert_eq!(at(61, 902), Some(897));
        assert_eq!([at(122, 902), at(1000, 902)], [None; 2], "nothing is new");
        assert_eq!(at(1001, 903), Some(1));
        assert_eq!(at(1002, 904), None);
    }
}
