//! [`RwLock`].

mod guards;
mod timed;

pub use guards::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};

use super::watch::{Watch, RECORDS};
use heirloom_core::mark::{LockKind, WaitCause};
use std::fmt;

/// A lock for one writer or several readers: [`parking_lot::RwLock`], which records who waited for whom.
///
/// A panic while it is held doesn't poison it. A reader waits while a writer waits, so that writers get their turn
/// ([`read_recursive`](Self::read_recursive) doesn't).
///
/// Cost: see the [module](super).
///
/// ```
/// use heirloom_pool::sync::RwLock;
/// static SETTINGS: RwLock<u32> = RwLock::named("settings", 1);
/// *SETTINGS.write() += 1;
/// assert_eq!(*SETTINGS.read(), 2);
/// ```
#[repr(C)]
pub struct RwLock<T: ?Sized> {
    watch: Watch,
    inner: parking_lot::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A lock that is named by the file and line of the call.
    #[inline]
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::new(LockKind::RwLock), inner: parking_lot::RwLock::new(value) }
    }

    /// A lock with a name.
    #[inline]
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(LockKind::RwLock, name), inner: parking_lot::RwLock::new(value) }
    }

    /// The value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

/// A way of acquiring the lock: at once if it is free, and with a wait.
macro_rules! acquire {
    (
        $(#[$doc:meta])* $lock:ident,
        $(#[$try_doc:meta])* $try_lock:ident,
        $guard:ident, $cause:expr, $wait:ident
    ) => {
        $(#[$doc])*
        ///
        /// A thread that already holds the lock for writing waits forever.
        #[inline]
        pub fn $lock(&self) -> $guard<'_, T> {
            if !RECORDS {
                return $guard { hold: self.watch.acquired(), inner: self.inner.$lock() };
            }
            match self.$try_lock() {
                Some(guard) => guard,
                None => self.$wait(),
            }
        }

        #[cold]
        fn $wait(&self) -> $guard<'_, T> {
            let waiting = self.watch.wait($cause);
            let inner = self.inner.$lock();
            $guard { hold: waiting.acquired(), inner }
        }

        $(#[$try_doc])*
        #[inline]
        pub fn $try_lock(&self) -> Option<$guard<'_, T>> {
            let inner = self.inner.$try_lock()?;
            Some($guard { hold: self.watch.acquired(), inner })
        }
    };
}

impl<T: ?Sized> RwLock<T> {
    acquire! {
        /// Acquires the lock for reading, and blocks this thread while another one writes or waits to write.
        read,
        /// Acquires the lock for reading if no thread writes.
        try_read,
        RwLockReadGuard, WaitCause::Read, wait_to_read
    }
    acquire! {
        /// As [`read`](Self::read), also while another thread waits to write: for a thread that reads already.
        read_recursive,
        /// As [`try_read`](Self::try_read), also while another thread waits to write.
        try_read_recursive,
        RwLockReadGuard, WaitCause::Read, wait_to_read_recursively
    }
    acquire! {
        /// Acquires the lock for writing, and blocks this thread until no other one reads or writes.
        write,
        /// Acquires the lock for writing if it is free.
        try_write,
        RwLockWriteGuard, WaitCause::Write, wait_to_write
    }
    acquire! {
        /// Acquires the lock for reading in a way that can become writing. Blocks this thread while another one writes or has such
        /// a guard.
        upgradable_read,
        /// As [`upgradable_read`](Self::upgradable_read), if that is possible at once.
        try_upgradable_read,
        RwLockUpgradableReadGuard, WaitCause::Read, wait_for_upgradable
    }

    /// Whether a thread holds the lock.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// Whether a thread holds the lock for writing.
    #[inline]
    pub fn is_locked_exclusive(&self) -> bool {
        self.inner.is_locked_exclusive()
    }

    /// The value, without locking.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn readers_share_the_lock_and_a_writer_has_it_alone() {
        let lock = RwLock::new(1);
        let (first, second) = (lock.read(), lock.try_read_recursive().unwrap());
        assert_eq!(*first + *second, 2);
        assert!(lock.is_locked() && !lock.is_locked_exclusive() && lock.try_write().is_none());
        assert!(lock.try_write_for(Duration::ZERO).is_none() && lock.try_write_until(Instant::now()).is_none());
        drop((first, second));
        let writer = lock.write();
        assert!(lock.is_locked_exclusive() && lock.try_read().is_none() && lock.try_upgradable_read().is_none());
        assert!(lock.try_read_for(Duration::ZERO).is_none() && lock.try_read_until(Instant::now()).is_none());
        RwLockWriteGuard::unlock_fair(writer);
        assert_eq!(lock.into_inner(), 1);
    }

    #[test]
    fn a_guard_changes_between_reading_and_writing_without_letting_a_writer_in() {
        let lock = RwLock::from(1);
        let upgradable = lock.upgradable_read();
        let reader = lock.read();
        let upgradable = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap_err();
        drop(reader);
        let mut writer = RwLockUpgradableReadGuard::upgrade(upgradable);
        *writer += 1;
        let upgradable = RwLockWriteGuard::downgrade_to_upgradable(writer);
        let mut writer = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap();
        *writer += 1;
        let reader = RwLockWriteGuard::downgrade(writer);
        assert_eq!((*reader, *lock.read()), (3, 3));
    }

    #[test]
    fn a_guard_of_a_part_holds_the_whole_lock() {
        let pair = RwLock::new((1, 2));
        let mut second = RwLockWriteGuard::map(pair.write(), |pair| &mut pair.1);
        *second += 1;
        assert!(pair.is_locked_exclusive());
        MappedRwLockWriteGuard::unlock_fair(second);
        let second = RwLockReadGuard::map(pair.read(), |pair| &pair.1);
        assert!(pair.try_write().is_none());
        assert_eq!(*MappedRwLockReadGuard::map(second, |n| n), 3);
        assert!(RwLockReadGuard::try_map(pair.read(), |_| None::<&u8>).is_err());
    }

    #[test]
    fn a_guard_that_pauses_lets_a_writer_in() {
        let lock = RwLock::<u32>::default();
        let mut guard = lock.read();
        RwLockReadGuard::unlocked(&mut guard, || *lock.write() += 1);
        RwLockReadGuard::unlocked_fair(&mut guard, || *lock.write() += 1);
        RwLockReadGuard::bump(&mut guard);
        assert_eq!(*guard, 2);
        drop(guard);
        let mut guard = lock.write();
        RwLockWriteGuard::unlocked(&mut guard, || *lock.write() += 1);
        assert_eq!(*guard, 3);
    }
}
