//! The items of `watch.rs` without contents, for builds that don't record.

use heirloom_core::mark::{LockKind, WaitCause};
use heirloom_core::{Context, SpanId};
use std::marker::PhantomData;

pub(super) const RECORDS: bool = false;

#[derive(Debug)]
pub(super) struct Watch;

impl Watch {
    #[inline(always)]
    pub(super) const fn new(_kind: LockKind) -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn named(_kind: LockKind, _name: &'static str) -> Self {
        Self
    }

    #[inline(always)]
    pub(super) fn acquired(&self) -> Hold<'_> {
        Hold(PhantomData)
    }

    #[inline(always)]
    pub(super) fn wait(&self, _cause: WaitCause) -> Waiting<'_> {
        Waiting(PhantomData)
    }

    #[inline(always)]
    pub(super) fn may_wait(&self, _cause: WaitCause) -> Waiting<'_> {
        Waiting(PhantomData)
    }

    #[inline(always)]
    pub(super) fn is_awaited(&self) -> bool {
        false
    }
}

pub(super) struct Waiting<'a>(PhantomData<&'a ()>);

impl<'a> Waiting<'a> {
    #[inline(always)]
    pub(super) fn acquired(self) -> Hold<'a> {
        Hold(PhantomData)
    }
}

pub(super) struct Hold<'a>(PhantomData<&'a ()>);

impl Hold<'_> {
    #[inline(always)]
    pub(super) fn watch(&self) -> &'static Watch {
        &Watch
    }

    #[inline(always)]
    pub(super) fn finish(self) {}

    #[inline(always)]
    pub(super) fn pause(&mut self) {}

    #[inline(always)]
    pub(super) fn replace(&mut self, _hold: Hold<'_>) {}
}

#[derive(Debug)]
pub(super) struct Signal;

impl Signal {
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn named(_name: &'static str) -> Self {
        Self
    }

    #[inline(always)]
    pub(super) fn notify(&self) {}

    #[inline(always)]
    pub(super) fn wait<R>(
        &self,
        _hold: &mut Hold<'_>,
        wait: impl FnOnce() -> R,
        _notified: impl FnOnce(&R) -> bool,
    ) -> R {
        wait()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sent;

impl Sent {
    #[inline(always)]
    pub(super) fn now() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) fn context(self) -> Context {
        Context::INERT
    }
}

#[derive(Clone, Debug)]
pub(super) struct Flow;

impl Flow {
    #[inline(always)]
    pub(super) fn new(_name: Option<&'static str>) -> Self {
        Self
    }

    #[inline(always)]
    pub(super) fn taking(&self) {}

    #[inline(always)]
    pub(super) fn await_message<T, E>(
        &self,
        receive: impl FnOnce() -> Result<T, E>,
        _sent: impl FnOnce(&T) -> Sent,
    ) -> Result<T, E> {
        receive()
    }

    #[inline(always)]
    pub(super) fn await_room<E>(&self, send: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        send()
    }

    #[inline(always)]
    pub(super) fn taker(&self) -> Option<SpanId> {
        None
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Choice<'a>(PhantomData<&'a Flow>);

impl<'a> Choice<'a> {
    #[inline(always)]
    pub(super) fn add(&mut self, _index: usize, _cause: WaitCause, _flow: Option<&'a Flow>) {}

    #[inline(always)]
    pub(super) fn remove(&mut self, _index: usize) {}

    #[inline(always)]
    pub(super) fn wait<R>(&self, select: impl FnOnce() -> R) -> (R, Waited) {
        (select(), Waited)
    }

    #[inline(always)]
    pub(super) fn in_vain(&self, _waited: Waited) {}

    #[inline(always)]
    pub(super) fn ready(&self, _waited: Waited, _index: usize) {}
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Waited;

impl Waited {
    pub(super) const NOT: Self = Self;

    #[inline(always)]
    pub(super) fn record(self, _cause: WaitCause, _flow: Option<&Flow>, _by: Option<SpanId>) {}
}
