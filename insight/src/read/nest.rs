//! [`nest`]: which spans occupied their lane from start to end.

use crate::model::{Run, SpanIx};

/// Corrects [`Span::nested`](crate::model::Span::nested) from the times. A span that is said to have left its lane did so. Of the
/// others, one that outlives a span around it on its lane isn't nested. The spans have to be in order.
pub(super) fn nest(run: &mut Run) {
    let mut open: Vec<Vec<SpanIx>> = vec![Vec::new(); run.lanes.len()];
    for at in 0..run.spans.len() {
        let (span, rest) = (&run.spans[at], &run.spans[..at]);
        let (lane, start, end) = (span.lane as usize, span.start, span.end);
        if !span.nested || !run.lanes[lane].is_known() {
            run.spans[at].nested = false;
            continue;
        }
        let around = &mut open[lane];
        while around.last().is_some_and(|top| rest[*top as usize].end <= start) {
            around.pop();
        }
        let fits = around.last().is_none_or(|top| end <= rest[*top as usize].end);
        run.spans[at].nested = fits;
        if fits {
            around.push(at as SpanIx);
        }
    }
}
