//! The handles by which a thread waits for another one. They record the wait.

/// A handle: the plain one, whose `join` is recorded.
macro_rules! join_handle {
    ($(#[$doc:meta])* $name:ident<$($life:lifetime,)? T>, $plain:path) => {
        $(#[$doc])*
        ///
        /// [`join`](Self::join) records the wait if it took more than a microsecond. [`into_inner`](Self::into_inner) is the plain handle.
        #[derive(Debug)]
        pub struct $name<$($life,)? T>($plain);

        impl<$($life,)? T> $name<$($life,)? T> {
            pub(crate) fn new(plain: $plain) -> Self {
                Self(plain)
            }

            /// Waits until the thread has ended, and returns what its closure returned.
            ///
            /// Cost: that of the plain function, two clock reads, and a mark if it took more than a microsecond.
            ///
            /// # Errors
            ///
            /// The thread's panic.
            pub fn join(self) -> std::thread::Result<T> {
                heirloom_core::mark::wait(heirloom_core::mark::WaitCause::Thread, || self.0.join())
            }

            /// The thread.
            pub fn thread(&self) -> &std::thread::Thread {
                self.0.thread()
            }

            /// The plain handle.
            pub fn into_inner(self) -> $plain {
                self.0
            }
        }

        impl<$($life,)? T> From<$name<$($life,)? T>> for $plain {
            fn from(handle: $name<$($life,)? T>) -> Self {
                handle.0
            }
        }
    };
}

pub(crate) use join_handle;
