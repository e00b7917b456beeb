//! The start of a span: the decision whether it is recorded, and its Begin record.

use super::scope::ambient_tracer;
use super::{arrived, probability, Span};
use crate::clock;
use crate::context::{EPOCH, EXPLICIT, IMPLICIT, PROPAGATED, RANDOM, REMOTE, SAMPLED, TRANSPARENT};
use crate::name::Text;
use crate::pipeline::{self, by_context};
use crate::sampler::Threshold;
use crate::shard::{Refused, Writer};
use crate::text::cut;
use crate::thread::{self, ThreadState};
use crate::unplaced::{NoShard, UNPLACED};
use crate::wire::{Begin, End, WireName};
use crate::{Context, Name, SpanId, SpanKind, TraceId, TraceState};

/// The flags of a context that don't matter to the fast path: it handles traces with and without what they brought.
const ANY: u32 = RANDOM | EPOCH | PROPAGATED;

/// Starts a child of `parent`; a root if that is invalid.
///
/// The fast path is a recorded child with a static name that this thread used before, of a local parent, on a thread
/// whose slot holds the parent's tracer: one clock read, one record. Everything else takes the slow path, and so does a thread
/// that panics: its spans are marked.
#[inline(always)]
pub(crate) fn child(parent: Context, name: Name<'_>, kind: SpanKind) -> Span {
    child_with(parent, NoFan, name, kind)
}

/// The same in a fan-out, whose id is not zero: one more word.
#[inline(always)]
pub(crate) fn child_in_fan(parent: Context, fan: u64, name: Name<'_>, kind: SpanKind) -> Span {
    child_with(parent, InFan(fan), name, kind)
}

/// Whether a span belongs to a fan-out. A type for each, so that plain spans have no code for it.
trait Fan {
    /// The length of a Begin whose name is a number.
    const BYTES: u64;

    /// The fan-out's id; zero: none.
    fn id(&self) -> u64;

    /// Appends a Begin whose name is a number.
    fn begin(&self, writer: &Writer, begin: Begin) -> u64;
}

struct NoFan;

impl Fan for NoFan {
    const BYTES: u64 = Begin::BYTES;

    #[inline(always)]
    fn id(&self) -> u64 {
        0
    }

    #[inline(always)]
    fn begin(&self, writer: &Writer, begin: Begin) -> u64 {
        writer.begin(begin)
    }
}

struct InFan(u64);

impl Fan for InFan {
    const BYTES: u64 = Begin::IN_FAN_BYTES;

    #[inline(always)]
    fn id(&self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn begin(&self, writer: &Writer, begin: Begin) -> u64 {
        writer.begin_in_fan(begin, self.0)
    }
}

#[inline(always)]
fn child_with<F: Fan>(parent: Context, fan: F, name: Name<'_>, kind: SpanKind) -> Span {
    if std::thread::panicking() {
        return slow(parent, name, kind, fan.id());
    }
    if is_recorded_here(parent.flags) {
        if let Text::Static(text) = name.0 {
            let state = thread::state();
            let name = state.cached_name(text);
            if let Some(slot) = (name != 0).then(|| state.take_tracer(parent.tracer)).flatten() {
                if slot.writer.fits_begin(F::BYTES) && slot.reads_counter() {
                    let begin = Begin { name, ..begin_under(&parent, kind, clock::counter()) };
                    let span = SpanId(fan.begin(slot.writer, begin));
                    state.put_back(slot);
                    return Span::recorded(Context { span, ..parent }, slot.lease);
                }
                state.put_back(slot);
            }
        }
    } else if parent.trace.is_valid() && parent.flags & (SAMPLED | REMOTE) == 0 && not_sampled(&parent) {
        return Span::not_recorded(parent);
    }
    slow(parent, name, kind, fan.id())
}

/// Whether children of a context with these flags take the fast path, with and without a tracestate.
#[inline(always)]
const fn is_recorded_here(flags: u32) -> bool {
    flags & !ANY == SAMPLED
}

/// Starts a root, even where another span is current, in the current context's tracer, else the global one.
pub(crate) fn root(name: Name<'_>, kind: SpanKind) -> Span {
    let tracer = ambient_tracer(thread::state());
    slow(Context { tracer, ..Context::INERT }, name, kind, 0)
}

/// Counts a child of a local parent that is not sampled. Returns whether it could.
#[inline]
fn not_sampled(parent: &Context) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_tracer(parent.tracer) else { return false };
    if parent.has(TRANSPARENT) {
        slot.writer.count_refused(Refused::RootLost);
    } else {
        slot.writer.count_sampled_out();
    }
    state.put_back(slot);
    true
}

/// The random flag and the epoch have the same distance in a context as in a Begin, so that one shift copies both.
#[inline(always)]
pub(super) const fn flags_of(context: u32) -> u16 {
    const BY: u32 = Begin::RANDOM_TRACE.trailing_zeros() - RANDOM.trailing_zeros();
    const { assert!(RANDOM << BY == Begin::RANDOM_TRACE as u32 && EPOCH << BY == Begin::EPOCH as u32) };
    ((context & (RANDOM | EPOCH)) << BY) as u16
}

/// A Begin without its name.
#[inline(always)]
fn begin_under(parent: &Context, kind: SpanKind, tick: u64) -> Begin {
    let remote = if parent.has(REMOTE) { Begin::PARENT_REMOTE } else { 0 };
    Begin {
        flags: kind as u16 | remote | flags_of(parent.flags),
        name: 0,
        propagated: parent.propagated(),
        parent: parent.span.0,
        trace: parent.trace,
        tick,
    }
}

#[cold]
#[inline(never)]
fn slow(parent: Context, name: Name<'_>, kind: SpanKind, fan: u64) -> Span {
    begin_any(thread::state(), parent, name, kind, fan)
}

fn begin_any(state: &ThreadState, mut parent: Context, name: Name<'_>, kind: SpanKind, fan: u64) -> Span {
    if pipeline::is_foreign(parent.tracer) {
        // This process is the child of a fork, and the context is its parent's.
        parent = Context { tracer: 0, ..parent.with(REMOTE) };
    }
    if parent.tracer == 0 {
        parent.tracer = ambient_tracer(state);
    }
    let is_local_child = parent.span.is_valid() && !parent.has(REMOTE);
    if !is_local_child && is_finished(state, parent.tracer) {
        parent.tracer = pipeline::global_key();
    }
    if !state.holds_tracer(parent.tracer) {
        if let Err(why) = find_shard(state, parent.tracer) {
            count_unplaced(parent, why);
            return Span::not_recorded(without_shard(parent, why));
        }
    }
    if !parent.span.is_valid() {
        return begin_root(state, parent, name, kind);
    }
    if parent.has(REMOTE) {
        return begin_under_remote(state, parent, name, kind, fan);
    }
    if !parent.has(SAMPLED) {
        not_sampled(&parent);
        return Span::not_recorded(parent);
    }
    begin(state, parent, name, kind, fan).unwrap_or_else(|| {
        // This thread still has a shard of the tracer.
        if is_finished(state, parent.tracer) && pipeline::find(parent.tracer).is_none() {
            UNPLACED.count(NoShard::Finished);
        }
        Span::not_recorded(transparent(parent))
    })
}

/// Counts a span without a shard; in a child process that lacks room for a shard, in the parent's region too.
fn count_unplaced(parent: Context, why: NoShard) {
    match why {
        NoShard::NoTracer if parent.tracer != 0 && parent.has(SAMPLED) => UNPLACED.count(NoShard::Finished),
        why => UNPLACED.count(why),
    }
    if let (NoShard::NoMemory, Some(tracer)) = (why, pipeline::find(parent.tracer)) {
        tracer.count_unplaced();
    }
}

/// Whether a context's tracer has finished. Its roots, and the children of remote parents, then belong to the global one.
fn is_finished(state: &ThreadState, key: u32) -> bool {
    if key == 0 || state.is_nested() {
        return false;
    }
    match state.with_tracer(key, |slot| slot.tracer.is_closed()) {
        Some(closed) => closed,
        None => pipeline::find(key).is_none_or(|tracer| tracer.is_closed()),
    }
}

fn find_shard(state: &ThreadState, key: u32) -> Result<(), NoShard> {
    match key {
        0 => Err(NoShard::NoTracer),
        key => state.activate(key),
    }
}

fn transparent(parent: Context) -> Context {
    parent.with(TRANSPARENT)
}

/// The context of a span without a shard. Without a tracer it is the parent's, unchanged, so that a trace passes through
/// a program that doesn't record. Otherwise it is a transparent one.
fn without_shard(parent: Context, why: NoShard) -> Context {
    match why {
        NoShard::NoTracer | NoShard::Pipeline => parent,
        _ if parent.trace.is_valid() => transparent(parent),
        _ => Context::INERT,
    }
}

fn begin_root(state: &ThreadState, bound: Context, name: Name<'_>, kind: SpanKind) -> Span {
    let implicit = bound.flags & IMPLICIT;
    // Drawn while the slot is taken: otherwise a signal handler in between would draw the same ids.
    let drawn = state.with_tracer(bound.tracer, |slot| {
        // The caller may have chosen the trace's id.
        let (trace, random) = match bound.trace.is_valid() {
            true => (bound.trace, bound.flags & RANDOM),
            false => (TraceId { hi: state.random() | 1, lo: state.random() }, RANDOM),
        };
        let decision = slot.tracer.samples(trace, None, "");
        (trace, random, SpanId(state.random() | 1), decision, slot.tracer.epoch())
    });
    let Some((trace, random, unrecorded, decision, epoch)) = drawn else { return Span::not_recorded(bound) };
    let (sampled, threshold) = decision;
    let bound = Context { trace, flags: bound.flags & PROPAGATED | random, ..bound }.with_epoch(epoch);
    let bound = probability::applied(threshold, bound, &TraceState::new());
    // The context of a root that is not recorded has ids, so that the processes that it calls follow the decision.
    let left_out = Context { span: unrecorded, ..bound };
    if !sampled {
        state.with_tracer(bound.tracer, |slot| slot.writer.count_sampled_out());
        return Span::not_recorded(left_out);
    }
    let root = bound.with(SAMPLED | implicit);
    // The root could not be recorded: its whole local trace is dropped, and propagates as not sampled.
    let lost = left_out.with(TRANSPARENT);
    begin_arrived(state, root, name, kind, 0).unwrap_or_else(|| Span::not_recorded(lost))
}

/// Begins this process's first span of a trace, with the values that arrived with it.
fn begin_arrived(state: &ThreadState, parent: Context, name: Name<'_>, kind: SpanKind, fan: u64) -> Option<Span> {
    let span = begin(state, parent, name, kind, fan)?;
    if parent.propagated() != 0 {
        arrived::set_values(&span);
    }
    Some(span)
}

fn begin_under_remote(state: &ThreadState, parent: Context, name: Name<'_>, kind: SpanKind, fan: u64) -> Span {
    // The parent may be a span of this tracer, and values of the trace may have arrived.
    by_context::note();
    let arrived = probability::tracestate(state, parent);
    let decided = state.with_tracer(parent.tracer, |slot| {
        (slot.tracer.samples(parent.trace, Some(parent), probability::ot(&arrived)), slot.tracer.epoch())
    });
    let ((sampled, threshold), epoch) = decided.unwrap_or(((false, Threshold::Keep), 0));
    let parent = probability::applied(threshold, parent, &arrived).with_epoch(epoch);
    if !sampled {
        state.with_tracer(parent.tracer, |slot| slot.writer.count_sampled_out());
        return Span::not_recorded(parent.without(SAMPLED | REMOTE | EXPLICIT));
    }
    begin_arrived(state, parent.with(SAMPLED), name, kind, fan)
        .unwrap_or_else(|| Span::not_recorded(transparent(parent)))
}

/// Appends a Begin with a name of any form, if necessary after a refill. `None`, counted, if there is no room.
fn begin(state: &ThreadState, parent: Context, name: Name<'_>, kind: SpanKind, fan: u64) -> Option<Span> {
    let wire_name = state.wire_name(&name);
    let span = state.with_tracer(parent.tracer, |slot| {
        let bare = if fan == 0 { Begin::BYTES } else { Begin::IN_FAN_BYTES };
        let wire_name = shorten(wire_name, slot.writer.max_record() - bare);
        let bytes = bare + wire_name.inline_bytes();
        if !slot.writer.fits_begin(bytes) {
            if let Err(why) = slot.refill(bytes + End::BYTES, true) {
                slot.writer.count_refused(why);
                return None;
            }
        }
        let mut begin = begin_under(&parent, kind, slot.tick());
        begin.flags |= if parent.has(IMPLICIT) { Begin::IMPLICIT_ROOT } else { 0 };
        begin.flags |= if parent.has(EXPLICIT) { Begin::PARENT_EXPLICIT } else { 0 };
        let id = match wire_name {
            WireName::Id(name) if fan == 0 => slot.writer.begin(Begin { name, ..begin }),
            WireName::Id(name) => slot.writer.begin_in_fan(Begin { name, ..begin }, fan),
            WireName::Inline(text) if fan == 0 => slot.writer.begin_named(begin, text.as_bytes()),
            WireName::Inline(text) => slot.writer.begin_named_in_fan(begin, fan, text.as_bytes()),
        };
        Some(Span::recorded(
            Context { span: SpanId(id), ..parent.without(REMOTE | EXPLICIT | TRANSPARENT | IMPLICIT) },
            slot.lease,
        ))
    })??;
    let span = if std::thread::panicking() { span.while_panicking() } else { span };
    if parent.propagated() != 0 && crate::shm::is_child() {
        return Some(super::status::tracestate(span));
    }
    Some(span)
}

fn shorten(name: WireName<&str>, bytes: u64) -> WireName<&str> {
    match name {
        WireName::Inline(text) => WireName::Inline(cut(text, bytes as usize)),
        id => id,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::context::TEXT_STATE;
    use crate::testing;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_span_with_a_tracestate_stays_on_the_fast_path_and_writes_only_its_begin() {
        testing::run(|t| {
            let cx = Context::from_headers(Some(PARENT), Some("vendor=1"), Some("tenant=blue")).unwrap_or_default();
            let server = t.tracer().bind(cx).span("server");
            drop(server.span("child"));
            let at = || thread::state().with_tracer(server.cx.tracer, |slot| slot.writer.position());
            let before = at();
            let child = server.span("child");
            assert_eq!(at(), before.map(|at| at + Begin::BYTES));
            assert!(child.cx.propagated() != 0 && child.cx.propagated() == cx.propagated());
            assert!(is_recorded_here(server.cx.flags) && is_recorded_here(child.cx.flags));
        });
    }

    #[test]
    fn a_span_under_explicit_ids_has_children_on_the_fast_path() {
        testing::run(|t| {
            let (trace, span) = (TraceId::from_u128(7), SpanId::from_u64(9));
            for sampled in [true, false] {
                let of_remote = t.tracer().bind(Context::from_ids(trace, span, sampled)).span("of remote");
                assert!(!of_remote.cx.has(REMOTE | EXPLICIT) && is_recorded_here(of_remote.cx.flags) == sampled);
            }
        });
    }

    #[test]
    fn a_context_that_needs_more_takes_the_slow_path() {
        for flag in [TEXT_STATE, REMOTE, EXPLICIT, TRANSPARENT] {
            assert!(!is_recorded_here(SAMPLED | flag | PROPAGATED));
        }
        assert!(!is_recorded_here(0) && !is_recorded_here(RANDOM | PROPAGATED));
    }
}
