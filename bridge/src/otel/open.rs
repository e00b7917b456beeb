//! Converts contexts between Heirloom and OpenTelemetry.
//!
//! OpenTelemetry's contexts keep a `SpanContext` of a span: ids, flags, tracestate. That doesn't name the
//! Heirloom tracer that recorded the span. So a table has the contexts of open spans whose `SpanContext` was requested.

use heirloom_core::{Context, IdHasher, SpanId, TraceId, Tracer};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use std::collections::hash_map::Entry;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of tables. With several, threads rarely contend for a lock.
const TABLES: usize = 16;

/// Contexts by the span id of their `SpanContext`, each with the number of OpenTelemetry spans that have it. Several can: a
/// transparent span has the ids of its nearest recorded ancestor.
type Table = HashMap<SpanId, (Context, usize), BuildHasherDefault<IdHasher>>;

/// A table on a separate cache line.
#[repr(align(64))]
struct Shard(Mutex<Table>);

static OPEN: [Shard; TABLES] = [const { Shard(Mutex::new(Table::with_hasher(BuildHasherDefault::new()))) }; TABLES];

fn table(span: SpanId) -> MutexGuard<'static, Table> {
    shard_of(span).0.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shard_of(span: SpanId) -> &'static Shard {
    // Other bits than those that the table uses.
    let hash = BuildHasherDefault::<IdHasher>::default().hash_one(span);
    &OPEN[(hash >> 40) as usize % TABLES]
}

/// Stores the context of a span by the id that others see, until [`forget`] has been called as often as this.
pub(super) fn remember(seen_as: SpanId, cx: Context) {
    if cx.is_valid() {
        table(seen_as).entry(seen_as).or_insert((cx, 0)).1 += 1;
    }
}

pub(super) fn forget(seen_as: SpanId) {
    if let Entry::Occupied(mut open) = table(seen_as).entry(seen_as) {
        open.get_mut().1 -= 1;
        if open.get().1 == 0 {
            open.remove();
        }
    }
}

/// Heirloom's context for one of OpenTelemetry's: the context of its span, or Heirloom's current context if it has no span.
///
/// If the span is from another process, the tracestate is kept.
///
/// Cost: a lock that is rarely contended.
///
/// ```
/// use heirloom_bridge::otel;
/// heirloom_core::in_root("ours", |ours| {
///     let theirs = otel::to_otel(ours);
///     assert_eq!(otel::context(&theirs).span_id(), ours.context().span_id());
///     assert_eq!(otel::context(&opentelemetry::Context::new()), ours.context()); // no span in there
/// });
/// ```
pub fn context(cx: &opentelemetry::Context) -> Context {
    let span = cx.span();
    let theirs = span.span_context();
    if !theirs.is_valid() {
        return Context::current();
    }
    of_span_in(cx, theirs)
}

/// Heirloom's context for the valid span context in one of OpenTelemetry's contexts. If [`to_otel`] put it there, the
/// original.
pub(super) fn of_span_in(cx: &opentelemetry::Context, theirs: &SpanContext) -> Context {
    let bound = cx.get::<Bound>().filter(|bound| (bound.cx.trace_id(), bound.seen_as) == ids(theirs));
    bound.map_or_else(|| of_span(theirs), |bound| bound.cx)
}

/// Heirloom's context for a valid span context.
fn of_span(theirs: &SpanContext) -> Context {
    let (trace, span) = ids(theirs);
    let open = table(span).get(&span).map(|(cx, _)| *cx);
    match open.filter(|open| open.trace_id() == trace) {
        Some(known) => known,
        None if theirs.is_remote() => {
            let cx = Context::from(theirs);
            Tracer::of(Context::current()).map_or(cx, |tracer| tracer.bind(cx))
        }
        None => Context::from(theirs),
    }
}

fn ids(theirs: &SpanContext) -> (TraceId, SpanId) {
    (theirs.trace_id().into(), theirs.span_id().into())
}

/// OpenTelemetry's current context with this span in it. OpenTelemetry's spans that start there are the span's children. The
/// current context's baggage is kept. If `cx` is invalid, the result is the current context, unchanged.
///
/// As [`Context::to_otel`], with the tracestate, and with the tracer that `cx` is bound to.
///
/// Cost: allocates.
///
/// ```
/// use heirloom_bridge::{otel, HeirloomTracerProvider};
/// use heirloom_core::testing;
/// use opentelemetry::trace::{Tracer, TracerProvider};
///
/// testing::run(|t| {
///     let theirs = HeirloomTracerProvider::new().tracer("their crate");
///     let ours = heirloom_core::root("ours");
///     drop(theirs.start_with_context("theirs", &otel::to_otel(&ours)));
///     drop(ours);
///     t.assert_tree("ours\n  theirs");
/// });
/// ```
pub fn to_otel(cx: impl Into<Context>) -> opentelemetry::Context {
    with_span(&opentelemetry::Context::current(), cx.into())
}

/// One of OpenTelemetry's contexts, with this span in it if it is valid.
pub(super) fn with_span(theirs: &opentelemetry::Context, cx: Context) -> opentelemetry::Context {
    if !cx.is_valid() {
        return theirs.clone();
    }
    let span = SpanContext::from(cx);
    let seen_as = span.span_id().into();
    theirs.with_value(Bound { cx, seen_as }).with_remote_span_context(span)
}

/// In OpenTelemetry contexts that [`with_span`] made: the original context, with what OpenTelemetry's types can't have, and
/// the id of its `SpanContext`.
struct Bound {
    cx: Context,
    seen_as: SpanId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_core::{testing, Span, TraceId};

    fn is_known(cx: Context) -> bool {
        table(cx.span_id()).contains_key(&cx.span_id())
    }

    #[test]
    fn a_context_is_known_until_it_was_forgotten_as_often_as_remembered() {
        let cx = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(0xfeed), true);
        remember(cx.span_id(), cx);
        remember(cx.span_id(), cx);
        forget(cx.span_id());
        assert!(is_known(cx));
        forget(cx.span_id());
        assert!(!is_known(cx));
        forget(cx.span_id());
        remember(SpanId::INVALID, Context::INERT);
        assert!(!is_known(Context::INERT));
    }

    #[test]
    fn ids_that_are_counted_up_are_in_all_tables_evenly() {
        let mut counts = [0_u32; TABLES];
        for id in (1..=2 * 1600_u64).step_by(2) {
            let table =
                OPEN.iter().position(|shard| std::ptr::eq(shard, shard_of(SpanId::from_u64(0xfeed << 40 | id))));
            counts[table.expect("one of them")] += 1;
        }
        assert!(counts.iter().all(|count| (50..=200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_span_of_another_trace_with_the_same_id_is_not_taken_for_it() {
        let cx = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(0xbeef), true);
        remember(cx.span_id(), cx);
        let other = Context::from_ids(TraceId::from_u128(8), cx.span_id(), true);
        assert_eq!(of_span(&other.into()).trace_id(), other.trace_id());
        forget(cx.span_id());
    }

    #[test]
    fn spans_are_known_from_when_they_were_asked_for_until_they_end() {
        use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider};
        testing::run(|t| {
            let tracer = crate::HeirloomTracerProvider::with_tracer(t.tracer()).tracer("x");
            let parent = t.tracer().root("parent");
            let under = |name: &'static str| tracer.start_with_context(name, &to_otel(&parent));
            let in_shard = |shard: &Shard| shard.0.lock().map_or(0, |table| of_trace(&table, &parent));
            let known = || -> usize { OPEN.iter().map(in_shard).sum() };
            let (mut asked, other, silent) = (under("asked"), under("other"), under("silent"));
            assert_eq!(known(), 0);
            let ids = asked.span_context().span_id();
            assert_eq!((asked.span_context().span_id(), known()), (ids, 1));
            let native = other.span().map_or(Context::INERT, Span::context);
            assert_eq!((known(), is_known(native)), (2, true));
            asked.end();
            assert_eq!((asked.span_context().span_id(), known()), (ids, 1));
            drop((other, silent));
            let mut late = under("asked after its end");
            late.end();
            assert!(late.span_context().is_valid());
            assert_eq!(known(), 0);
        });
    }

    #[test]
    fn a_span_that_is_not_sampled_has_an_id_of_its_own_and_is_found_by_it() {
        use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider};
        testing::run_with(
            |builder| builder.sampler(heirloom_core::Sampler::AlwaysOff),
            |t| {
                let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
                let caller = t.tracer().extract(caller, None).expect("valid");
                let tracer = crate::HeirloomTracerProvider::with_tracer(t.tracer()).tracer("x");
                let mut span = tracer.start_with_context("left out", &to_otel(caller));
                let theirs = span.span_context().clone();
                let (left_out, plain) = (of_span(&theirs), Context::from(&theirs));
                assert_eq!((plain.trace_id(), plain.is_sampled()), (caller.trace_id(), false));
                assert!(theirs.is_valid() && plain.span_id() != caller.span_id());
                assert!(left_out.tracer_id() == caller.tracer_id() && !left_out.is_remote(), "{left_out:?}");
                let bound = to_otel(left_out);
                assert_ne!(bound.span().span_context().span_id(), theirs.span_id(), "injected by a foreign propagator");
                assert_eq!(context(&bound), left_out);
                span.end();
                assert!(!table(plain.span_id()).contains_key(&plain.span_id()));
            },
        );
    }

    /// The number of a table's spans in a span's trace.
    fn of_trace(table: &Table, span: &Span) -> usize {
        table.values().filter(|(cx, _)| cx.trace_id() == span.context().trace_id()).count()
    }
}
