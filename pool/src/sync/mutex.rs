//! [`Mutex`].

use super::guard::{guard, part, pause};
use super::watch::{Hold, Watch, RECORDS};
use heirloom_core::mark::{LockKind, WaitCause};
use std::fmt;
use std::time::{Duration, Instant};

/// A lock for one thread at a time: [`parking_lot::Mutex`], which records who waited for whom.
///
/// A panic while it is held doesn't poison it.
///
/// Cost: see the [module](super).
///
/// ```
/// use heirloom_pool::sync::Mutex;
/// static CACHE: Mutex<Vec<u32>> = Mutex::named("cache", Vec::new());
/// CACHE.lock().push(7);
/// assert_eq!(CACHE.lock().len(), 1);
/// ```
#[repr(C)]
pub struct Mutex<T: ?Sized> {
    watch: Watch,
    inner: parking_lot::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A lock that is named by the file and line of the call.
    #[inline]
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::new(LockKind::Mutex), inner: parking_lot::Mutex::new(value) }
    }

    /// A lock with a name.
    #[inline]
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(LockKind::Mutex, name), inner: parking_lot::Mutex::new(value) }
    }

    /// The value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Acquires the lock, and blocks this thread until it is free.
    ///
    /// A thread that already holds the lock waits forever.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if !RECORDS {
            return MutexGuard { hold: self.watch.acquired(), inner: self.inner.lock() };
        }
        match self.try_lock() {
            Some(guard) => guard,
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> MutexGuard<'_, T> {
        let waiting = self.watch.wait(WaitCause::Mutex);
        let inner = self.inner.lock();
        MutexGuard { hold: waiting.acquired(), inner }
    }

    /// Acquires the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let inner = self.inner.try_lock()?;
        Some(MutexGuard { hold: self.watch.acquired(), inner })
    }

    /// As [`lock`](Self::lock), for at most `timeout`.
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        self.try_lock().or_else(|| self.wait_with(|inner| inner.try_lock_for(timeout)))
    }

    /// As [`lock`](Self::lock), until `deadline` at the latest.
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.try_lock().or_else(|| self.wait_with(|inner| inner.try_lock_until(deadline)))
    }

    #[cold]
    fn wait_with<'a>(
        &'a self,
        lock: impl FnOnce(&'a parking_lot::Mutex<T>) -> Option<parking_lot::MutexGuard<'a, T>>,
    ) -> Option<MutexGuard<'a, T>> {
        let waiting = self.watch.wait(WaitCause::Mutex);
        let inner = lock(&self.inner)?;
        Some(MutexGuard { hold: waiting.acquired(), inner })
    }

    /// Whether a thread holds the lock.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// The value, without locking.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

guard! {
    /// Access to the value of a [`Mutex`], which it holds until it is dropped.
    MutexGuard, DerefMut
}
guard! {
    /// Access to a part of the value of a [`Mutex`]. Made by [`MutexGuard::map`].
    MappedMutexGuard, DerefMut
}
part!(MutexGuard => MappedMutexGuard, &mut);
part!(MappedMutexGuard => MappedMutexGuard, &mut);
pause!(MutexGuard, WaitCause::Mutex);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_of_a_part_holds_the_whole_lock() {
        let pair = Mutex::new((1, 2));
        let second = MutexGuard::map(pair.lock(), |pair| &mut pair.1);
        assert!(pair.is_locked() && pair.try_lock().is_none());
        assert_eq!(*second, 2);
        MappedMutexGuard::unlock_fair(second);
        let refused = MutexGuard::try_map(pair.lock(), |_| None::<&mut i32>).unwrap_err();
        assert_eq!(*refused, (1, 2));
        drop(refused);
        assert!(!pair.is_locked());
    }

    #[test]
    fn a_guard_that_pauses_lets_others_in_and_comes_back() {
        let lock = Mutex::from(1);
        let mut guard = lock.lock();
        MutexGuard::unlocked(&mut guard, || *lock.lock() += 1);
        MutexGuard::unlocked_fair(&mut guard, || *lock.lock() += 1);
        MutexGuard::bump(&mut guard);
        assert_eq!(*guard, 3);
        assert!(lock.try_lock_for(Duration::ZERO).is_none());
        drop(guard);
        assert_eq!(*lock.try_lock_until(Instant::now()).unwrap(), 3);
        assert_eq!(format!("{lock:?}"), format!("{:?}", parking_lot::Mutex::new(3)));
    }

    #[test]
    fn a_panic_does_not_poison_the_lock() {
        let lock = Mutex::<u8>::default();
        let panicked = std::thread::scope(|s| {
            s.spawn(|| {
                let _held = lock.lock();
                std::panic::panic_any(1_u8)
            })
            .join()
        });
        assert!(panicked.is_err());
        assert_eq!(*lock.lock(), 0);
    }
}
