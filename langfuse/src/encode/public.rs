//! Which span of a trace says that the trace is public. Langfuse takes it from any span and can't take it back, so one says it: the
//! same one each time that it is encoded.

use heirloom_core::export::SpanRef;
use heirloom_core::{SpanId, TraceId};
use std::collections::{HashMap, VecDeque};

/// How many traces are remembered, the latest. About 50 bytes each.
const MAX_TRACES: usize = 65_536;

/// What is known of the latest traces.
#[derive(Debug, Default)]
pub(crate) struct Public {
    traces: HashMap<TraceId, Seen>,
    /// The traces, each once, the oldest first.
    order: VecDeque<TraceId>,
}

/// What was sent of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// A span had the value, and the topmost span is still to come.
    Wanted(bool),
    /// The topmost span of this process, which had no value.
    Topmost,
    /// This span, with the value.
    Said(SpanId, bool),
}

impl Public {
    /// The value to send with a span, given the value that it has. It goes with the topmost span of the process, which ends
    /// last; if that was sent before the value was set, with the next span.
    pub(super) fn of(&mut self, span: SpanRef<'_>, is_topmost: bool, value: Option<bool>) -> Option<bool> {
        self.said(span.trace_id(), span.span_id(), is_topmost, value)
    }

    #[inline]
    fn said(&mut self, trace: TraceId, span: SpanId, is_topmost: bool, value: Option<bool>) -> Option<bool> {
        let seen = self.traces.get(&trace).copied();
        let (now, sent) = match (seen, value) {
            (Some(Seen::Said(by, said)), _) => return (by == span).then_some(said),
            (Some(Seen::Topmost), Some(value)) => (Seen::Said(span, value), Some(value)),
            (Some(Seen::Topmost), None) => return None,
            (Some(Seen::Wanted(wanted)), value) if is_topmost => {
                let value = value.unwrap_or(wanted);
                (Seen::Said(span, value), Some(value))
            }
            (_, Some(value)) if is_topmost => (Seen::Said(span, value), Some(value)),
            (_, None) if is_topmost => (Seen::Topmost, None),
            (_, Some(value)) => (Seen::Wanted(value), None),
            (_, None) => return None,
        };
        if seen.is_none() {
            self.make_room();
            self.order.push_back(trace);
        }
        self.traces.insert(trace, now);
        sent
    }

    fn make_room(&mut self) {
        if self.order.len() >= MAX_TRACES {
            self.order.pop_front().map(|oldest| self.traces.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_span_of_a_trace_says_it() {
        let mut public = Public::default();
        let mut next = 0;
        let mut of = |trace, is_topmost, value| {
            next += 1;
            public.said(TraceId::from_u128(trace), SpanId::from_u64(next), is_topmost, value)
        };
        let before_the_end =
            [of(1, false, None), of(1, false, Some(true)), of(1, true, Some(true)), of(1, false, Some(true))];
        assert_eq!(before_the_end, [None, None, Some(true), None]);
        let after_it = [of(2, true, None), of(2, false, None), of(2, false, Some(true)), of(2, false, Some(true))];
        assert_eq!(after_it, [None, None, Some(true), None]);
        let on_a_child = [of(3, false, Some(true)), of(3, true, None), of(3, true, Some(true))];
        assert_eq!(on_a_child, [None, Some(true), None]);
        assert_eq!([of(4, true, Some(false)), of(4, true, None)], [Some(false), None]);
    }

    #[test]
    fn a_request_that_is_encoded_again_says_the_same() {
        let mut public = Public::default();
        let mut spans = |trace| {
            let all = [(1, false, None), (2, false, Some(true)), (3, true, None), (4, false, Some(false))];
            all.map(|(span, is_topmost, value)| {
                public.said(TraceId::from_u128(trace), SpanId::from_u64(span), is_topmost, value)
            })
        };
        for trace in [1, 2, 1, 2, 2] {
            assert_eq!(spans(trace), [None, None, Some(true), None]);
        }
        let mut after =
            |span, is_topmost, value| public.said(TraceId::from_u128(3), SpanId::from_u64(span), is_topmost, value);
        for _ in 0..3 {
            assert_eq!(
                [after(1, true, None), after(2, false, Some(true)), after(3, false, Some(true))],
                [None, Some(true), None]
            );
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut public = Public::default();
        for id in 1..=3 * MAX_TRACES as u128 {
            assert_eq!(public.said(TraceId::from_u128(id), SpanId::from_u64(1), true, Some(true)), Some(true));
        }
        assert_eq!((public.traces.len(), public.order.len()), (MAX_TRACES, MAX_TRACES));
    }
}
