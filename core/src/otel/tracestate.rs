//! Tracestates between Heirloom's type and OpenTelemetry's.
//!
//! OpenTelemetry's type accepts fewer keys than the specification (of `tenant@vendor`, at most 13 characters of the
//! vendor), and its parser rejects the whole list for one of them. So the members are converted one by one.

use crate::TraceState;
use opentelemetry::trace::TraceState as Otel;

/// The members that OpenTelemetry's type can have, in order, and the number of the others.
pub(super) fn to_otel(state: &TraceState) -> (Otel, usize) {
    let fits = |member: &(&str, &str)| Otel::from_key_value([*member]).is_ok();
    let members: Vec<(&str, &str)> = state.iter().filter(fits).collect();
    let dropped = state.len() - members.len();
    (Otel::from_key_value(members).unwrap_or_default(), dropped)
}

/// The members that are valid, in order.
pub(super) fn from_otel(state: &Otel) -> TraceState {
    let mut ours = TraceState::new();
    for (key, value) in state.header().rsplit(',').filter_map(|member| member.split_once('=')) {
        // OpenTelemetry checks less of a value. An invalid member is dropped alone.
        let _ = ours.insert(key, value);
    }
    ours
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn through(text: &str) -> (String, usize) {
        let (otel, dropped) = to_otel(&text.parse().unwrap());
        assert_eq!(from_otel(&otel).as_str(), otel.header());
        (otel.header(), dropped)
    }

    #[test]
    fn a_member_that_opentelemetry_cannot_have_is_dropped_alone_and_counted() {
        let long = "tenant@a-very-long-vendor=1";
        assert!(long.parse::<Otel>().is_err(), "then this file isn't needed");
        assert_eq!(through(&format!("{long},other=2")), ("other=2".into(), 1));
        assert_eq!(through(&format!("other=2,{long},b@c@d=3,last=4")), ("other=2,last=4".into(), 2));
        assert_eq!(through(long), (String::new(), 1));
    }

    #[test]
    fn all_other_members_keep_their_order() {
        for text in ["", "vendor=1", "tenant@long-vendor=1,other=2", "c=3,a=1,b=2"] {
            assert_eq!(through(text), (text.to_owned(), 0));
        }
        let full: Vec<String> = (0..32).map(|n| format!("key{n}={n}")).collect();
        assert_eq!(through(&full.join(",")), (full.join(","), 0));
    }

    #[test]
    fn a_value_that_is_no_tracestates_is_dropped_alone() {
        let otel = Otel::from_key_value([("a", "1"), ("b", "caf\u{e9}"), ("c", "3")]).unwrap();
        assert_eq!(from_otel(&otel).as_str(), "a=1,c=3");
    }
}
