//! The recording of marks, with empty bodies. The twin of each item in `enabled/mark/` has its documentation.

use crate::mark_kind::{FanKind, LockKind, StageKind, WaitCause};
use crate::{Context, Name, Span, SpanId};
use core::marker::PhantomData;
use core::task::Poll;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOut(());

impl FanOut {
    #[inline(always)]
    pub fn begin(_cx: Context, _kind: FanKind, _blocks: bool) -> FanOut {
        FanOut(())
    }

    #[inline(always)]
    pub fn with_id(_cx: Context, _id: u64) -> FanOut {
        FanOut(())
    }

    #[inline(always)]
    pub fn join(self) {}

    #[inline(always)]
    pub fn context(self) -> Context {
        Context::INERT
    }

    #[inline(always)]
    pub fn id(self) -> u64 {
        0
    }

    #[inline(always)]
    pub fn span<'a>(self, name: impl Into<Name<'a>>) -> Span {
        Context::INERT.span(name)
    }

    #[inline(always)]
    pub fn in_span<'a, R>(self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        Context::INERT.in_span(name, body)
    }

    #[inline(always)]
    pub fn strand(self, _stolen: bool) -> Strand {
        Strand(PhantomData)
    }
}

#[derive(Debug)]
#[must_use = "the strand ends when it is dropped"]
pub struct Strand(PhantomData<*mut ()>);

impl Drop for Strand {
    #[inline(always)]
    fn drop(&mut self) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(());

impl Stamp {
    #[inline(always)]
    pub fn ticks_until(self, _later: Stamp) -> u64 {
        0
    }

    #[inline(always)]
    pub fn is_short_until(self, _later: Stamp) -> bool {
        true
    }
}

#[inline(always)]
pub fn stamp() -> Stamp {
    Stamp(())
}

#[derive(Debug)]
pub struct Lock(());

impl Lock {
    #[inline(always)]
    pub const fn new(_kind: LockKind) -> Lock {
        Lock(())
    }

    #[inline(always)]
    pub const fn named(_kind: LockKind, _name: &'static str) -> Lock {
        Lock(())
    }
}

#[inline(always)]
pub fn wait<R>(_cause: WaitCause, body: impl FnOnce() -> R) -> R {
    body()
}

#[inline(always)]
pub fn waited(
    _cause: WaitCause,
    _from: Stamp,
    _lock: Option<&Lock>,
    _holder: Option<SpanId>,
    _releaser: Option<SpanId>,
) {
}

#[inline(always)]
pub fn waited_until(
    _cause: WaitCause,
    _from: Stamp,
    _until: Stamp,
    _lock: Option<&Lock>,
    _holder: Option<SpanId>,
    _releaser: Option<SpanId>,
) {
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Awaiting(());

impl Awaiting {
    #[inline(always)]
    pub fn polled<T>(&mut self, _poll: &Poll<T>, _job: impl FnOnce(&T) -> Option<SpanId>) {}
}

#[inline(always)]
pub fn held(_lock: &Lock, _from: Stamp, _contended: bool) {}

#[inline(always)]
pub fn held_until(_lock: &Lock, _from: Stamp, _until: Stamp, _contended: bool) {}

#[inline(always)]
pub fn lock_totals(_lock: &Lock, _short_waits: u64, _short_wait_ticks: u64, _acquisitions: u64, _hand_offs: u64) {}

#[inline(always)]
pub fn stage_of(_cx: Context, _span: SpanId, _stage: StageKind, _at: Stamp, _pool: u64) {}

#[inline(always)]
pub fn stage(_cx: Context, _stage: StageKind, _at: Stamp, _pool: u64) {}

#[inline(always)]
pub fn submitted(_cx: Context, _at: Stamp, _by: Context) {}

#[inline(always)]
pub fn pool(_name: &'static str, _id: u64, _index: u32, _size: u32) {}

#[inline(always)]
pub fn current_span() -> Option<SpanId> {
    None
}
