//! The forms of a [`RwLock`]'s methods that wait for a limited time.

use super::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use heirloom_core::mark::WaitCause;
use std::time::{Duration, Instant};

macro_rules! timed {
    ($lock:literal, $try_lock:ident, $try_for:ident, $try_until:ident, $guard:ident, $cause:expr) => {
        #[doc = concat!("As [`", $lock, "`](Self::", $lock, "), for at most `timeout`.")]
        pub fn $try_for(&self, timeout: Duration) -> Option<$guard<'_, T>> {
            self.$try_lock().or_else(|| {
                let waiting = self.watch.wait($cause);
                let inner = self.inner.$try_for(timeout)?;
                Some($guard { hold: waiting.acquired(), inner })
            })
        }

        #[doc = concat!("As [`", $lock, "`](Self::", $lock, "), until `deadline` at the latest.")]
        pub fn $try_until(&self, deadline: Instant) -> Option<$guard<'_, T>> {
            self.$try_lock().or_else(|| {
                let waiting = self.watch.wait($cause);
                let inner = self.inner.$try_until(deadline)?;
                Some($guard { hold: waiting.acquired(), inner })
            })
        }
    };
}

impl<T: ?Sized> RwLock<T> {
    timed!("read", try_read, try_read_for, try_read_until, RwLockReadGuard, WaitCause::Read);
    timed!(
        "read_recursive",
        try_read_recursive,
        try_read_recursive_for,
        try_read_recursive_until,
        RwLockReadGuard,
        WaitCause::Read
    );
    timed!("write", try_write, try_write_for, try_write_until, RwLockWriteGuard, WaitCause::Write);
    timed!(
        "upgradable_read",
        try_upgradable_read,
        try_upgradable_read_for,
        try_upgradable_read_until,
        RwLockUpgradableReadGuard,
        WaitCause::Read
    );
}
