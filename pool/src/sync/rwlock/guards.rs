//! The guards of a [`RwLock`](super::RwLock).

use crate::sync::guard::{guard, part, pause};
use crate::sync::watch::Hold;
use heirloom_core::mark::WaitCause;
use std::time::{Duration, Instant};

guard! {
    /// Access for reading to the value of a [`RwLock`](super::RwLock), which it holds until it is dropped.
    RwLockReadGuard
}
guard! {
    /// Access for writing to the value of a [`RwLock`](super::RwLock), which it holds until it is dropped.
    RwLockWriteGuard, DerefMut
}
guard! {
    /// Access for reading that can become writing. Made by [`RwLock::upgradable_read`](super::RwLock::upgradable_read).
    RwLockUpgradableReadGuard
}
guard! {
    /// Access for reading to a part of the value. Made by [`RwLockReadGuard::map`].
    MappedRwLockReadGuard
}
guard! {
    /// Access for writing to a part of the value. Made by [`RwLockWriteGuard::map`].
    MappedRwLockWriteGuard, DerefMut
}
part!(RwLockReadGuard => MappedRwLockReadGuard, &);
part!(MappedRwLockReadGuard => MappedRwLockReadGuard, &);
part!(RwLockWriteGuard => MappedRwLockWriteGuard, &mut);
part!(MappedRwLockWriteGuard => MappedRwLockWriteGuard, &mut);
pause!(RwLockReadGuard, WaitCause::Read);
pause!(RwLockWriteGuard, WaitCause::Write);
pause!(RwLockUpgradableReadGuard, WaitCause::Read);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on reading, and lets other readers in. No writer has the lock in between.
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let Self { hold, inner } = s;
        RwLockReadGuard { hold, inner: parking_lot::RwLockWriteGuard::downgrade(inner) }
    }

    /// As [`downgrade`](Self::downgrade), in a way that can become writing again.
    pub fn downgrade_to_upgradable(s: Self) -> RwLockUpgradableReadGuard<'a, T> {
        let Self { hold, inner } = s;
        RwLockUpgradableReadGuard { hold, inner: parking_lot::RwLockWriteGuard::downgrade_to_upgradable(inner) }
    }
}

impl<'a, T: ?Sized> RwLockUpgradableReadGuard<'a, T> {
    /// Goes on writing, as soon as all other readers are done. No writer has the lock in between.
    pub fn upgrade(s: Self) -> RwLockWriteGuard<'a, T> {
        Self::try_upgrade(s).unwrap_or_else(|s| {
            let Self { mut hold, inner } = s;
            hold.pause();
            let waiting = hold.watch().wait(WaitCause::Write);
            let inner = parking_lot::RwLockUpgradableReadGuard::upgrade(inner);
            hold.replace(waiting.acquired());
            RwLockWriteGuard { hold, inner }
        })
    }

    /// Goes on writing, if no other thread reads.
    ///
    /// # Errors
    ///
    /// The guard itself, if another thread reads.
    pub fn try_upgrade(s: Self) -> Result<RwLockWriteGuard<'a, T>, Self> {
        let Self { hold, inner } = s;
        match parking_lot::RwLockUpgradableReadGuard::try_upgrade(inner) {
            Ok(inner) => Ok(RwLockWriteGuard { hold, inner }),
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// As [`upgrade`](Self::upgrade), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// The guard itself, if other threads still read then.
    pub fn try_upgrade_for(s: Self, timeout: Duration) -> Result<RwLockWriteGuard<'a, T>, Self> {
        Self::try_upgrade(s).or_else(|s| {
            s.upgrade_with(|inner| parking_lot::RwLockUpgradableReadGuard::try_upgrade_for(inner, timeout))
        })
    }

    /// As [`upgrade`](Self::upgrade), until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// The guard itself, if other threads still read then.
    pub fn try_upgrade_until(s: Self, deadline: Instant) -> Result<RwLockWriteGuard<'a, T>, Self> {
        Self::try_upgrade(s).or_else(|s| {
            s.upgrade_with(|inner| parking_lot::RwLockUpgradableReadGuard::try_upgrade_until(inner, deadline))
        })
    }

    fn upgrade_with(
        self,
        upgrade: impl FnOnce(Plain<'a, T>) -> Upgraded<'a, T>,
    ) -> Result<RwLockWriteGuard<'a, T>, Self> {
        let Self { mut hold, inner } = self;
        let waiting = hold.watch().wait(WaitCause::Write);
        match upgrade(inner) {
            Ok(inner) => {
                hold.replace(waiting.acquired());
                Ok(RwLockWriteGuard { hold, inner })
            }
            Err(inner) => Err(Self { hold, inner }),
        }
    }

    /// Releases the lock to a thread that waits for it, if one does.
    pub fn unlock_fair(s: Self) {
        let Self { hold, inner } = s;
        hold.finish();
        parking_lot::RwLockUpgradableReadGuard::unlock_fair(inner);
    }

    /// Goes on reading, and lets another thread read in a way that can become writing.
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let Self { hold, inner } = s;
        RwLockReadGuard { hold, inner: parking_lot::RwLockUpgradableReadGuard::downgrade(inner) }
    }
}

type Plain<'a, T> = parking_lot::RwLockUpgradableReadGuard<'a, T>;
type Upgraded<'a, T> = Result<parking_lot::RwLockWriteGuard<'a, T>, Plain<'a, T>>;
