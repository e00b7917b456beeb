//! What all guards have in common: their two fields, access to the data, and the guards of a part of the data.

/// A guard: the plain one, and the time in which it holds the lock.
macro_rules! guard {
    ($(#[$doc:meta])* $name:ident $(, $mutable:ident)?) => {
        $(#[$doc])*
        #[must_use = "the lock is released as soon as the guard is dropped"]
        pub struct $name<'a, T: ?Sized> {
            // Dropped first: the end of the hold is recorded before the lock is free.
            pub(in crate::sync) hold: Hold<'a>,
            pub(in crate::sync) inner: parking_lot::$name<'a, T>,
        }

        impl<T: ?Sized> std::ops::Deref for $name<'_, T> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                &self.inner
            }
        }

        $(impl<T: ?Sized> std::ops::$mutable for $name<'_, T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.inner
            }
        })?

        impl<T: ?Sized + std::fmt::Debug> std::fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.inner.fmt(f)
            }
        }

        impl<T: ?Sized + std::fmt::Display> std::fmt::Display for $name<'_, T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

/// The functions by which a guard becomes one of a part of the data, or is released fairly.
macro_rules! part {
    ($whole:ident => $part:ident, & $($mutable:tt)?) => {
        impl<'a, T: ?Sized> $whole<'a, T> {
            /// A guard of a part of the data. It is the same hold of the lock.
            ///
            /// An associated function, as are the others here: a method would hide one of the data's.
            pub fn map<U: ?Sized>(s: Self, f: impl FnOnce(&$($mutable)? T) -> &$($mutable)? U) -> $part<'a, U> {
                let Self { hold, inner } = s;
                $part { hold, inner: parking_lot::$whole::map(inner, f) }
            }

            /// As [`map`](Self::map), if `f` returns a part.
            ///
            /// # Errors
            ///
            /// The guard itself, if `f` returns `None`.
            pub fn try_map<U: ?Sized>(
                s: Self,
                f: impl FnOnce(&$($mutable)? T) -> Option<&$($mutable)? U>,
            ) -> Result<$part<'a, U>, Self> {
                let Self { hold, inner } = s;
                match parking_lot::$whole::try_map(inner, f) {
                    Ok(inner) => Ok($part { hold, inner }),
                    Err(inner) => Err(Self { hold, inner }),
                }
            }

            /// Releases the lock to the thread that has waited for it longest, if one waits. Slower than a drop, which leaves the
            /// lock to the thread that is first.
            pub fn unlock_fair(s: Self) {
                let Self { hold, inner } = s;
                hold.finish();
                parking_lot::$whole::unlock_fair(inner);
            }
        }
    };
}

/// The functions by which a guard of the whole data releases its lock for a while.
macro_rules! pause {
    ($guard:ident, $cause:expr) => {
        impl<T: ?Sized> $guard<'_, T> {
            /// Releases the lock, runs `f`, and acquires the lock again, waiting for it if need be.
            pub fn unlocked<U>(s: &mut Self, f: impl FnOnce() -> U) -> U {
                s.pause(|inner, then_wait| parking_lot::$guard::unlocked(inner, || then_wait(f())))
            }

            /// As [`unlocked`](Self::unlocked), with a fair release: to the thread that has waited for the lock longest.
            pub fn unlocked_fair<U>(s: &mut Self, f: impl FnOnce() -> U) -> U {
                s.pause(|inner, then_wait| parking_lot::$guard::unlocked_fair(inner, || then_wait(f())))
            }

            /// Lets a thread that waits for the lock have it for a while. Does nothing if none waits.
            pub fn bump(s: &mut Self) {
                if s.hold.watch().is_awaited() {
                    Self::unlocked_fair(s, || ());
                } else {
                    parking_lot::$guard::bump(&mut s.inner);
                }
            }
        }

        impl<'a, T: ?Sized> $guard<'a, T> {
            /// Ends the hold, and begins another one when `release` returns. `release` calls its second argument before it waits.
            fn pause<U>(
                &mut self,
                release: impl FnOnce(&mut parking_lot::$guard<'a, T>, &mut dyn FnMut(U) -> U) -> U,
            ) -> U {
                let watch = self.hold.watch();
                self.hold.pause();
                let mut waiting = None;
                let result = release(&mut self.inner, &mut |result| {
                    waiting = Some(watch.may_wait($cause));
                    result
                });
                if let Some(waiting) = waiting {
                    self.hold.replace(waiting.acquired());
                }
                result
            }
        }
    };
}

pub(super) use {guard, part, pause};
