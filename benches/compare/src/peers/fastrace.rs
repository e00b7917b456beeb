//! fastrace, with a reporter that only counts and its default report interval of one second.
//!
//! Best case of `LocalSpan`: under a local-parent guard of the thread, which is opened again every 1,000 spans, because
//! a guard keeps 10,240 spans and silently drops the rest. fastrace's attributes are texts, so numbers are converted.

use super::Peer;
use crate::account::{SharedAccount, Tally};
use crate::plan::Scenario;
use crate::workload::{Around, Item, Samples, Stretch, CHILD, KEYS, PARENT};
use fastrace::collector::{Config, Reporter, SpanId, SpanRecord, TraceId};
use fastrace::local::LocalSpan;
use fastrace::prelude::SpanContext;
use fastrace::Span;

/// Spans recorded under one local-parent guard.
const SPANS_PER_GUARD: u64 = 1000;

/// The name of a span that only makes its thread send the waiting commands; the reporter ignores it.
const PUSH: &str = "push";

/// The commands that a thread's ring holds.
const RING_COMMANDS: u64 = 10_240;

/// Upper bound for these spans: enough for ten million waiting commands.
const MOST_PUSHES: usize = 1000;

/// `LocalSpan`: kept on the thread until the guard is dropped.
pub(super) struct Local(SharedAccount);

/// `Span`: each goes to the collector separately, and may end on any thread.
pub(super) struct Shared(SharedAccount);

impl Peer for Local {
    type Parent = Span;

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        Ok(Self(start()))
    }

    fn open_parent(&self) -> Span {
        parent()
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &Span,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let _guard = parent.set_local_parent();
        local::<ATTRIBUTES, R>(item.id, samples, work)
    }

    fn record<const ATTRIBUTES: bool>(
        &self,
        parent: &Span,
        stretch: Stretch,
        samples: &Samples,
        around: &mut impl Around,
    ) {
        let (mut guard, mut left) = (None, 0);
        for id in stretch.ids() {
            around.before();
            if left == 0 {
                drop(guard.take());
                guard = Some(parent.set_local_parent());
                left = SPANS_PER_GUARD;
            }
            left -= 1;
            local::<ATTRIBUTES, ()>(id, samples, || ());
            around.after();
        }
    }

    fn finish(self, parent: Span) -> Result<Tally, String> {
        Ok(finish(&self.0, parent))
    }
}

impl Peer for Shared {
    type Parent = Span;

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        Ok(Self(start()))
    }

    fn open_parent(&self) -> Span {
        parent()
    }

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(
        &self,
        parent: &Span,
        item: Item,
        samples: &Samples,
        work: impl FnOnce() -> R,
    ) -> R {
        let mut span = Span::enter_with_parent(CHILD, parent);
        if ATTRIBUTES {
            span = span.with_properties(|| properties(item.id, samples));
        }
        let result = work();
        drop(span);
        result
    }

    /// Each span is a command, which are taken out of the thread's ring once a second or by a flush.
    fn rest(&self, _made: u64) -> Result<(), String> {
        fastrace::flush();
        Ok(())
    }

    fn leave(&self, recorded: u64) {
        for _ in 0..=recorded / RING_COMMANDS {
            fastrace::flush();
            push();
        }
    }

    fn finish(self, parent: Span) -> Result<Tally, String> {
        Ok(finish(&self.0, parent))
    }
}

#[inline(always)]
fn local<const ATTRIBUTES: bool, R>(id: u64, samples: &Samples, work: impl FnOnce() -> R) -> R {
    let mut span = LocalSpan::enter_with_local_parent(CHILD);
    if ATTRIBUTES {
        span = span.with_properties(|| properties(id, samples));
    }
    let result = work();
    drop(span);
    result
}

fn start() -> SharedAccount {
    let account = SharedAccount::default();
    fastrace::set_reporter(Counting(account.clone()), Config::default());
    account
}

fn parent() -> Span {
    Span::root(PARENT, SpanContext::new(TraceId::random(), SpanId(0)))
}

fn properties(id: u64, samples: &Samples) -> [(&'static str, String); 3] {
    let sample = samples.of(id);
    [(KEYS[0], sample.count.to_string()), (KEYS[1], sample.ratio.to_string()), (KEYS[2], sample.file.to_owned())]
}

/// Commands that didn't fit, among them the parent's end, wait until that
/// thread sends again. So the recording thread is made to send until the parent has arrived; in a program, further
/// traces would do that. If the thread has ended, its waiting commands are lost.
fn finish(account: &SharedAccount, parent: Span) -> Tally {
    drop(parent);
    fastrace::flush();
    for _ in 0..MOST_PUSHES {
        if account.tally().roots > 0 {
            break;
        }
        push();
        fastrace::flush();
    }
    account.tally()
}

fn push() {
    drop(Span::root(PUSH, SpanContext::new(TraceId::random(), SpanId(0))));
}

struct Counting(SharedAccount);

impl Reporter for Counting {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        let mut account = self.0.lock();
        for span in spans.iter().filter(|span| span.parent_id.0 != 0 || span.name != PUSH) {
            account.add(span.span_id.0, span.parent_id.0);
        }
    }
}
