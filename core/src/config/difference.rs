//! [`Difference`]: the first setting in which two configurations differ.

use super::{Limits, Settings};
use std::fmt::{self, Debug};

/// The first setting in which two [`Settings`] differ, with both values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    setting: &'static str,
    first: String,
    second: String,
}

impl Difference {
    /// The name of the field; of a limit, `limits.` and its name.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The value in the settings on which [`Settings::difference`] was called.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// The value in the settings that were its argument.
    pub fn second(&self) -> &str {
        &self.second
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {} in one and {} in the other", self.setting, self.first, self.second)
    }
}

impl Settings {
    /// The first setting that differs; `None` if the settings are equal.
    ///
    /// ```
    /// use heirloom_core::{Sampler, Settings};
    /// let first = Settings::default();
    /// let mut second = first.clone();
    /// second.sampler = Sampler::AlwaysOff;
    /// let difference = first.difference(&second).map(|d| d.to_string());
    /// let expected = "`sampler` is ParentBased(AlwaysOn) in one and AlwaysOff in the other";
    /// assert_eq!(difference.as_deref(), Some(expected));
    /// assert_eq!(first.difference(&first.clone()), None);
    /// ```
    pub fn difference(&self, other: &Settings) -> Option<Difference> {
        // Without `..`, so that a new field can't be forgotten here.
        let Settings {
            service_name,
            resource,
            disabled,
            sampler,
            limits,
            capture,
            shard_bytes,
            overload,
            complete,
            ring_bytes,
            queue_bytes,
            max_open_spans_per_thread,
            export_delay,
            export_timeout,
            finish_timeout,
            drain_interval,
            trace_file,
            strict,
            flush_on_panic,
            sample,
            verify,
        } = self;
        let differences = [
            compare("service_name", service_name, &other.service_name),
            compare("resource", resource, &other.resource),
            compare("disabled", disabled, &other.disabled),
            compare("sampler", sampler, &other.sampler),
            compare_limits(limits, &other.limits),
            compare("capture", capture, &other.capture),
            compare("shard_bytes", shard_bytes, &other.shard_bytes),
            compare("overload", overload, &other.overload),
            compare("complete", complete, &other.complete),
            compare("ring_bytes", ring_bytes, &other.ring_bytes),
            compare("queue_bytes", queue_bytes, &other.queue_bytes),
            compare("max_open_spans_per_thread", max_open_spans_per_thread, &other.max_open_spans_per_thread),
            compare("export_delay", export_delay, &other.export_delay),
            compare("export_timeout", export_timeout, &other.export_timeout),
            compare("finish_timeout", finish_timeout, &other.finish_timeout),
            compare("drain_interval", drain_interval, &other.drain_interval),
            compare("trace_file", trace_file, &other.trace_file),
            compare("strict", strict, &other.strict),
            compare("flush_on_panic", flush_on_panic, &other.flush_on_panic),
            compare("sample", sample, &other.sample),
            compare("verify", verify, &other.verify),
        ];
        differences.into_iter().flatten().next()
    }
}

fn compare_limits(first: &Limits, second: &Limits) -> Option<Difference> {
    let Limits {
        attributes_per_span,
        events_per_span,
        links_per_span,
        attributes_per_event,
        attributes_per_link,
        attribute_value_chars,
        attribute_value_bytes,
    } = first;
    let differences = [
        compare("limits.attributes_per_span", attributes_per_span, &second.attributes_per_span),
        compare("limits.events_per_span", events_per_span, &second.events_per_span),
        compare("limits.links_per_span", links_per_span, &second.links_per_span),
        compare("limits.attributes_per_event", attributes_per_event, &second.attributes_per_event),
        compare("limits.attributes_per_link", attributes_per_link, &second.attributes_per_link),
        compare("limits.attribute_value_chars", attribute_value_chars, &second.attribute_value_chars),
        compare("limits.attribute_value_bytes", attribute_value_bytes, &second.attribute_value_bytes),
    ];
    differences.into_iter().flatten().next()
}

fn compare<T: PartialEq + Debug>(setting: &'static str, first: &T, second: &T) -> Option<Difference> {
    (first != second).then(|| Difference { setting, first: format!("{first:?}"), second: format!("{second:?}") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Overload, Sampler};
    use std::time::Duration;

    /// A setting's name, and a change of it alone.
    type Change = (&'static str, fn(&mut Settings));

    const CHANGES: [Change; 27] = [
        ("service_name", |s| s.service_name.push('x')),
        ("resource", |s| s.resource.push(("a".into(), "1".into()))),
        ("disabled", |s| s.disabled = true),
        ("sampler", |s| s.sampler = Sampler::TraceIdRatio(0.5)),
        ("limits.attributes_per_span", |s| s.limits.attributes_per_span = 1),
        ("limits.events_per_span", |s| s.limits.events_per_span = 1),
        ("limits.links_per_span", |s| s.limits.links_per_span = 1),
        ("limits.attributes_per_event", |s| s.limits.attributes_per_event = 1),
        ("limits.attributes_per_link", |s| s.limits.attributes_per_link = 1),
        ("limits.attribute_value_chars", |s| s.limits.attribute_value_chars = Some(1)),
        ("limits.attribute_value_bytes", |s| s.limits.attribute_value_bytes = 1),
        ("capture", |s| s.capture = s.capture.clone().enabled(false)),
        ("shard_bytes", |s| s.shard_bytes = 64 << 10),
        ("overload", |s| s.overload = Some(Overload::Coarsen)),
        ("complete", |s| s.complete = Some(Duration::from_secs(1))),
        ("ring_bytes", |s| s.ring_bytes = 1 << 20),
        ("queue_bytes", |s| s.queue_bytes = 1 << 20),
        ("max_open_spans_per_thread", |s| s.max_open_spans_per_thread = 1),
        ("export_delay", |s| s.export_delay = Duration::ZERO),
        ("export_timeout", |s| s.export_timeout = Duration::ZERO),
        ("finish_timeout", |s| s.finish_timeout = Duration::ZERO),
        ("drain_interval", |s| s.drain_interval = Duration::from_secs(1)),
        ("trace_file", |s| s.trace_file = Some("t.json".into())),
        ("strict", |s| s.strict = true),
        ("flush_on_panic", |s| s.flush_on_panic = true),
        ("sample", |s| s.sample = false),
        ("verify", |s| s.verify = true),
    ];

    #[test]
    fn each_setting_that_differs_is_named() {
        let first = Settings::default();
        for (name, change) in CHANGES {
            let mut second = first.clone();
            change(&mut second);
            let difference = first.difference(&second).unwrap();
            assert_eq!((difference.setting(), first != second), (name, true));
            assert_ne!(difference.first(), difference.second(), "{name}");
        }
    }

    #[test]
    fn settings_that_decide_alike_do_not_differ() {
        let (mut first, mut second) = (Settings::default(), Settings::default());
        first.sampler = Sampler::TraceIdRatio(f64::NAN);
        second.sampler = Sampler::TraceIdRatio(0.0);
        assert_eq!((first.difference(&second), first == second), (None, true));
    }
}
