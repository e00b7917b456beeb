//! Alarms: jobs expire, workers that don't answer are killed, submitters stop waiting.

use std::collections::BTreeSet;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// The deadline of the job with this id.
    Expires(u64),
    /// The end of the grace period for the worker of this seat, to answer the expired job with this id.
    Overdue(usize, u64),
    /// The timeout of the submitter with this number, which waits for room.
    Waited(u64),
}

/// Alarms by time. An alarm is removed with its job or submitter, so their number is bounded.
#[derive(Debug, Default)]
pub(super) struct Alarms(BTreeSet<(Instant, Alarm)>);

impl Alarms {
    /// Returns whether this alarm is now the first one. Then the caller must wake the clock.
    pub(super) fn set(&mut self, at: Instant, alarm: Alarm) -> bool {
        self.0.insert((at, alarm));
        self.first() == Some(at)
    }

    pub(super) fn drop(&mut self, at: Instant, alarm: Alarm) {
        self.0.remove(&(at, alarm));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time of the next alarm.
    pub(super) fn first(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes an alarm that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Alarm> {
        self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.pop_first().map(|(_, alarm)| alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn alarms_come_by_time_and_not_before() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut alarms = Alarms::default();
        assert!(alarms.set(now + second, Alarm::Expires(1)));
        assert!(alarms.set(now, Alarm::Overdue(0, 2)));
        assert!(!alarms.set(now + 2 * second, Alarm::Waited(3)));
        assert_eq!((alarms.take(now), alarms.take(now)), (Some(Alarm::Overdue(0, 2)), None));
        alarms.drop(now + second, Alarm::Expires(1));
        assert_eq!(alarms.first(), Some(now + 2 * second));
        assert_eq!(alarms.take(now + 2 * second), Some(Alarm::Waited(3)));
        assert_eq!(alarms.first(), None);
    }
}
