//! [`Slot`]: passes one value from a thread to another thread, which blocks, or to a future's task, which is woken.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A place for one value, which is put in once and taken once.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    value: Value<T>,
    waker: Option<Waker>,
}

enum Value<T> {
    Awaited,
    Here(T),
    Taken,
}

/// The state of a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    Value(T),
    /// There is no value yet.
    Nothing,
    /// The value was taken before.
    Taken,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { value: Value::Awaited, waker: None }), changed: Condvar::new() }
    }
}

impl<T> Slot<T> {
    /// Whether the value has been put in. It may have been taken since.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.lock().value, Value::Awaited)
    }

    /// Blocks until there is a value, for at most `timeout`, and takes it.
    pub(super) fn wait(&self, timeout: Duration) -> Found<T> {
        let awaited = |state: &mut State<T>| matches!(state.value, Value::Awaited);
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, awaited);
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }

    /// Takes the value, or keeps the waker of the task.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<Found<T>> {
        let mut state = self.lock();
        match state.take() {
            Found::Nothing => {
                if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    state.waker = Some(waker.clone());
                }
                Poll::Pending
            }
            found => Poll::Ready(found),
        }
    }

    /// Puts the value in. Call it once.
    pub(super) fn settle(&self, value: T) {
        let mut state = self.lock();
        state.value = Value::Here(value);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Found<T> {
        match std::mem::replace(&mut self.value, Value::Taken) {
            Value::Here(value) => Found::Value(value),
            Value::Taken => Found::Taken,
            Value::Awaited => {
                self.value = Value::Awaited;
                Found::Nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_once() {
        let slot = Slot::default();
        assert_eq!(slot.wait(Duration::ZERO), Found::Nothing);
        assert!(slot.poll(Waker::noop()).is_pending() && !slot.is_settled());
        slot.settle(7);
        assert!(slot.is_settled());
        assert_eq!(slot.wait(Duration::ZERO), Found::Value(7));
        assert_eq!(slot.poll(Waker::noop()), Poll::Ready(Found::Taken));
        assert!(slot.is_settled());
    }
}
