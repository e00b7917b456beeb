//! The handles by which a thread waits for another one. They record the wait, and whose end it was.

use crate::carry::COMPILED_OUT;
use heirloom_core::mark::{self, Stamp, WaitCause};
use heirloom_core::{Span, SpanId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// The span of a thread, which its closure gets: zero until it begins, and if it isn't recorded. Shared by the thread and its
/// handle.
#[derive(Clone, Debug)]
pub(crate) struct ThreadSpan(Option<Arc<AtomicU64>>);

impl ThreadSpan {
    pub(crate) fn new() -> Self {
        Self((!COMPILED_OUT).then(Arc::default))
    }

    /// The thread has begun with this span, which is current.
    pub(crate) fn begun(&self, span: &Span) {
        if let (Some(known), true, Some(id)) = (&self.0, span.is_recording(), mark::current_span()) {
            // Read after the thread's end.
            known.store(id.to_u64(), Ordering::Relaxed);
        }
    }

    /// Records that the current thread waited from then until now for the end of this one.
    pub(crate) fn waited(&self, from: Stamp) {
        let until = mark::stamp();
        if !from.is_short_until(until) {
            let span = self.0.as_ref().map(|known| SpanId::from_u64(known.load(Ordering::Relaxed)));
            mark::waited_until(WaitCause::Thread, from, until, None, None, span.filter(|span| span.is_valid()));
        }
    }
}

/// A handle: the plain one, whose `join` is recorded.
macro_rules! join_handle {
    ($(#[$doc:meta])* $name:ident<$($life:lifetime,)? T>, $plain:path) => {
        $(#[$doc])*
        ///
        /// [`join`](Self::join) records the wait, with the thread's span, if it took more than a microsecond.
        /// [`into_inner`](Self::into_inner) is the plain handle.
        #[derive(Debug)]
        pub struct $name<$($life,)? T> {
            plain: $plain,
            span: crate::join::ThreadSpan,
        }

        impl<$($life,)? T> $name<$($life,)? T> {
            pub(crate) fn new(plain: $plain, span: crate::join::ThreadSpan) -> Self {
                Self { plain, span }
            }

            /// Waits until the thread has ended, and returns what its closure returned.
            ///
            /// Cost: that of the plain function, two clock reads, and a mark if it took more than a microsecond.
            ///
            /// # Errors
            ///
            /// The thread's panic.
            pub fn join(self) -> std::thread::Result<T> {
                let from = heirloom_core::mark::stamp();
                let result = self.plain.join();
                self.span.waited(from);
                result
            }

            /// The thread.
            pub fn thread(&self) -> &std::thread::Thread {
                self.plain.thread()
            }

            /// The plain handle.
            pub fn into_inner(self) -> $plain {
                self.plain
            }
        }

        impl<$($life,)? T> From<$name<$($life,)? T>> for $plain {
            fn from(handle: $name<$($life,)? T>) -> Self {
                handle.plain
            }
        }
    };
}

pub(crate) use join_handle;
