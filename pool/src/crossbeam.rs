//! Crossbeam's scoped threads: the traced form of [`crossbeam::thread::scope`].
//!
//! In addition to the plain function, the scope takes a context, and each thread's closure gets its span. Threads that a thread
//! starts are below its span. Since Rust 1.63 the standard library has scoped threads too ([`crate::threads::scope`]). This module
//! is for code that already uses crossbeam's.
//!
//! The threads of a scope belong to one fan-out. The waits of [`join`](ScopedJoinHandle::join) and at the scope's end are recorded,
//! and when each thread was started.
//!
//! Cost: one span per thread (two clock reads, no lock), one allocation, and one for the name if it is a `String`, a further clock
//! read and a mark for its start, and the thread's shard when it records for the first time.

use crate::carry::{JobName, Parent, Queued};
use crate::fan::{wait_for_scope, FanGuard};
use crate::join::{join_handle, ThreadSpan};
use ::crossbeam::thread as plain;
use heirloom_core::mark::{FanKind, FanOut};
use heirloom_core::{Context, Name, Span};
use std::io;

/// Lets threads borrow from their surroundings, with `cx` as their parent.
///
/// `cx` is current inside `f`.
///
/// # Errors
///
/// As the plain function: the panic of `f`, or those of the threads that were not joined.
///
/// ```
/// let words = ["a", "parallel", "program"];
/// let total = heirloom_core::in_root("measure", |root| {
///     heirloom_pool::crossbeam::scope(root, |s| {
///         let threads = words.each_ref().map(|word| s.spawn("word", move |_scope, _span| word.len()));
///         threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
///     })
///     .unwrap()
/// });
/// assert_eq!(total, 16);
/// ```
pub fn scope<'env, F, R>(cx: impl Into<Context>, f: F) -> std::thread::Result<R>
where
    F: FnOnce(&Scope<'_, 'env>) -> R,
{
    let cx = cx.into();
    let guard = FanGuard::begin(cx, FanKind::Scope, false);
    let fan = guard.fan().id();
    let _current = cx.enter();
    wait_for_scope(true, |body| {
        plain::scope(|inner| body.run(|| f(&Scope { inner, parent: Parent::Context(cx), fan })))
    })
}

join_handle! {
    /// The handle of a thread that crossbeam started in a scope.
    ScopedJoinHandle<'scope, T>, plain::ScopedJoinHandle<'scope, T>
}

/// Starts threads that end before [`scope`] returns.
#[derive(Debug)]
pub struct Scope<'a, 'env> {
    inner: &'a plain::Scope<'env>,
    parent: Parent<'a>,
    /// The id of the scope's fan-out.
    fan: u64,
}

impl<'env> Scope<'_, 'env> {
    /// Runs `f` on a new thread, in a new span below the scope's context. `f` gets a scope whose threads are
    /// below that span.
    ///
    /// # Panics
    ///
    /// As the plain function: if the operating system has no thread left.
    pub fn spawn<'scope, 'n, F, T>(&'scope self, name: impl Into<Name<'n>>, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce(&Scope<'_, 'env>, &Span) -> T + Send + 'env,
        T: Send + 'env,
    {
        let (f, thread) = self.told(name, f);
        ScopedJoinHandle::new(self.inner.spawn(f), thread)
    }

    /// Sets the name and the stack size of a thread: the traced form of [`plain::Scope::builder`].
    pub fn builder<'scope>(&'scope self) -> ScopedThreadBuilder<'scope, 'env> {
        ScopedThreadBuilder { scope: self, plain: self.inner.builder() }
    }

    /// The closure of a new thread, in its span, and what the thread's handle tells about it.
    fn told<'scope, 'n, F, T>(
        &'scope self,
        name: impl Into<Name<'n>>,
        f: F,
    ) -> (impl FnOnce(&plain::Scope<'env>) -> T + Send + 'env, ThreadSpan)
    where
        F: FnOnce(&Scope<'_, 'env>, &Span) -> T + Send + 'env,
        T: Send + 'env,
    {
        let id = self.fan;
        let (fan, name) = (FanOut::with_id(self.parent.context(), id), JobName::new(name));
        let (submitted, thread) = (Queued::now(), ThreadSpan::new());
        let begun = thread.clone();
        let in_span = move |inner: &plain::Scope<'env>| {
            fan.in_span(name.get(), |span| {
                submitted.begun(span);
                begun.begun(span);
                f(&Scope { inner, parent: Parent::Span(span), fan: id }, span)
            })
        };
        (in_span, thread)
    }
}

/// A thread's name and stack size: the traced form of [`plain::ScopedThreadBuilder`]. Made by [`Scope::builder`].
///
/// ```
/// heirloom_core::in_root("index", |root| {
///     heirloom_pool::crossbeam::scope(root, |s| {
///         let builder = s.builder().name("indexer".to_owned()).stack_size(256 * 1024);
///         let thread = builder.spawn("merge", |_scope, _span| std::thread::current().name().map(str::to_owned))?;
///         assert_eq!(thread.join().unwrap().as_deref(), Some("indexer"));
///         std::io::Result::Ok(())
///     })
/// })
/// # .unwrap().unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct ScopedThreadBuilder<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    plain: plain::ScopedThreadBuilder<'scope, 'env>,
}

impl<'scope, 'env> ScopedThreadBuilder<'scope, 'env> {
    /// Names the thread (not the span). It is the name of the thread's lane in the trace.
    ///
    /// # Panics
    ///
    /// [`spawn`](Self::spawn) panics if the name contains a zero byte, as the plain builder does.
    pub fn name(self, name: String) -> Self {
        Self { plain: self.plain.name(name), ..self }
    }

    /// The size of the thread's stack, in bytes.
    pub fn stack_size(self, size_bytes: usize) -> Self {
        Self { plain: self.plain.stack_size(size_bytes), ..self }
    }

    /// As [`Scope::spawn`], with these settings.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread left. The closure is dropped and there is no span.
    pub fn spawn<'n, F, T>(self, name: impl Into<Name<'n>>, f: F) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce(&Scope<'_, 'env>, &Span) -> T + Send + 'env,
        T: Send + 'env,
    {
        let (f, thread) = self.scope.told(name, f);
        Ok(ScopedJoinHandle::new(self.plain.spawn(f)?, thread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_borrow_and_start_others() {
        let numbers = [1, 2, 3];
        let total = scope(Context::INERT, |s| {
            let outer = s.spawn("outer", |s, _| {
                let inner = s.spawn("inner", |_, _| numbers.iter().sum::<i32>());
                inner.join().unwrap()
            });
            outer.join().unwrap() * 2
        });
        assert_eq!(total.unwrap(), 12);
    }

    #[test]
    fn the_panic_of_a_thread_that_nobody_joined_is_the_error() {
        let result = scope(Context::INERT, |s| {
            s.spawn("fails", |_, _| std::panic::panic_any(42_u8));
        });
        assert!(result.is_err());
    }
}
