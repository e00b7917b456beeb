//! [`Overload`]: what a thread does that finds no room in its shard.

use super::check::Check;
use super::Settings;
use std::time::Duration;

/// What a thread does when it finds no room for a span, an attribute or an event, because the collector has not read its earlier
/// records yet. Default: `Wait` for up to 20 ms with a trace file, else `Coarsen`.
///
/// ```
/// use heirloom_core::{builder, Overload};
/// use std::time::Duration;
/// let guard = builder("thumbnailer").overload(Overload::Wait(Duration::from_millis(20))).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
///
/// `HEIRLOOM_OVERLOAD` takes `coarsen`, `wait` (20 ms), or `wait:` and a whole number with `us`, `ms` or `s`, as in `wait:5ms`.
///
/// The end of a span never waits: the span reserved its room when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overload {
    /// Records nothing and goes on at once. The span is transparent (the trace is coarser and stays whole), and is counted.
    /// There is one exception: while the collector gives memory of the thread's ring back to the system (less than a
    /// millisecond, a few times a second at most), a burst waits for the end of that, for 10 ms at most.
    Coarsen,
    /// Wakes the collector and waits for room, at most for this time: more than zero, at most 10 s. If the wait times out, the
    /// thread coarsens, and goes on coarsening without a wait until the collector has read something from its shard. So a
    /// stopped collector costs each thread one wait.
    ///
    /// The thread keeps the locks that its caller holds. A worker of an asynchronous runtime runs no other task meanwhile.
    ///
    /// Waiting is safe in a signal handler, and ends when the tracer finishes. Threads of exporters never wait, because they
    /// record nothing. Cost: two clock reads and some system calls for each wait, none where there is room.
    Wait(Duration),
}

impl Overload {
    /// The longest wait of `wait` without a number. `docs/decisions/0019-who-waits.md` shows how it was found.
    pub const DEFAULT_WAIT: Duration = Duration::from_millis(20);

    /// `coarsen`, `wait`, `wait:5ms`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "coarsen" => Some(Self::Coarsen),
            "wait" => Some(Self::Wait(Self::DEFAULT_WAIT)),
            text => parse_time(text.strip_prefix("wait:")?).map(Self::Wait),
        }
    }
}

/// `500us`, `5ms`, `1 s`.
fn parse_time(text: &str) -> Option<Duration> {
    let units = [("us", 1), ("ms", 1000), ("s", 1_000_000)];
    let (number, us) = units.iter().find_map(|(unit, us)| Some((text.strip_suffix(unit)?, *us)))?;
    number.trim().parse::<u32>().ok().map(|number| Duration::from_micros(u64::from(number) * us))
}

impl Settings {
    /// What a thread does whose ring is full. This is the one place that decides the default.
    pub(crate) fn overload(&self) -> Overload {
        let default = || match &self.trace_file {
            Some(_) => Overload::Wait(Overload::DEFAULT_WAIT),
            None => Overload::Coarsen,
        };
        self.overload.unwrap_or_else(default)
    }
}

/// Upper bound of a wait: a program whose collector doesn't run still makes progress.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Upper bound of a wait in the mode `complete`.
const MAX_COMPLETE: Duration = Duration::from_secs(3600);

pub(super) const OVERLOAD: Check<Overload> = Check {
    accepted: "`coarsen`, `wait`, or `wait:` and a time of at most 10s, as in `wait:5ms`",
    accepts: |overload| match overload {
        Overload::Coarsen => true,
        Overload::Wait(max) => !max.is_zero() && *max <= MAX_WAIT,
    },
};

pub(super) const COMPLETE: Check<Duration> = Check {
    accepted: "a time of more than zero and at most one hour",
    accepts: |deadline| !deadline.is_zero() && *deadline <= MAX_COMPLETE,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        let wait = |us| Some(Overload::Wait(Duration::from_micros(us)));
        for (text, overload) in [
            ("coarsen", Some(Overload::Coarsen)),
            ("Wait", wait(Overload::DEFAULT_WAIT.as_micros() as u64)),
            ("wait:5ms", wait(5000)),
            ("wait: 250 us", wait(250)),
            ("WAIT:2s", wait(2_000_000)),
            ("wait:5", None),
            ("wait:", None),
            ("wait:ms", None),
            ("wait:-1ms", None),
            ("wait:1.5ms", None),
            ("coarsen:5ms", None),
            ("5ms", None),
            ("block", None),
        ] {
            assert_eq!(Overload::parse(text), overload, "{text}");
        }
    }

    #[test]
    fn a_trace_file_is_waited_for_and_a_service_is_not_held_up_unless_the_settings_say_so() {
        let mut settings = Settings::default();
        assert_eq!(settings.overload(), Overload::Coarsen);
        settings.trace_file = Some("t.json".into());
        assert_eq!(settings.overload(), Overload::Wait(Overload::DEFAULT_WAIT));
        settings.overload = Some(Overload::Coarsen);
        assert_eq!(settings.overload(), Overload::Coarsen);
    }

    #[test]
    fn no_wait_is_unbounded() {
        let accepts = |max| (OVERLOAD.accepts)(&Overload::Wait(max));
        assert!(accepts(MAX_WAIT) && accepts(Duration::from_nanos(1)));
        assert!(!accepts(Duration::MAX) && !accepts(Duration::ZERO));
        assert!(!(COMPLETE.accepts)(&Duration::MAX) && (COMPLETE.accepts)(&MAX_COMPLETE));
    }
}
