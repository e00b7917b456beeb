//! Threads of the standard library: the traced forms of [`std::thread::spawn`], [`std::thread::scope`] and
//! [`std::thread::Builder`].
//!
//! In addition to the plain functions, the thread's closure gets a span, which starts on the new thread, and runs in it. Thread
//! names, panics and limits are those of the standard library. The handles are wrappers of its handles.
//!
//! The threads of a scope belong to one fan-out. The waits of [`join`](JoinHandle::join) and at a scope's end are recorded, and
//! when each thread was started.
//!
//! Cost: one span per thread (two clock reads, no lock), one allocation, and one for the name if it is a `String`, a further clock
//! read and a mark for its start, and the thread's shard when it records for the first time.

use crate::carry::{no_fan, queued, JobName};
use crate::fan::{wait_for_scope, FanGuard};
use crate::join::{join_handle, ThreadSpan};
use heirloom_core::mark::{FanKind, FanOut};
use heirloom_core::{Context, Name, Span};
use std::io;

join_handle! {
    /// The handle of a thread: [`std::thread::JoinHandle`].
    JoinHandle<T>, std::thread::JoinHandle<T>
}

impl<T> JoinHandle<T> {
    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.plain.is_finished()
    }
}

join_handle! {
    /// The handle of a thread that was started in a scope: [`std::thread::ScopedJoinHandle`].
    ScopedJoinHandle<'scope, T>, std::thread::ScopedJoinHandle<'scope, T>
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.plain.is_finished()
    }
}

/// Runs `f` on a new thread, in a new span below `cx`: the traced form of [`std::thread::spawn`].
///
/// The span ends before the handle is ready to join.
///
/// # Panics
///
/// As [`std::thread::spawn`]: if the operating system has no thread left. [`Builder::spawn`] returns that error instead.
///
/// ```
/// use heirloom_pool::threads;
/// let sum = heirloom_core::in_root("count", |root| {
///     threads::spawn(root, "sum", |span| {
///         span.set("items", 10);
///         (1..=10).sum::<u32>()
///     })
///     .join()
///     .unwrap()
/// });
/// assert_eq!(sum, 55);
/// ```
pub fn spawn<'n, F, T>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> JoinHandle<T>
where
    F: FnOnce(&Span) -> T + Send + 'static,
    T: Send + 'static,
{
    let span = ThreadSpan::new();
    JoinHandle::new(std::thread::spawn(told(&span, no_fan(cx.into()), JobName::new(name), f)), span)
}

/// A thread's closure, which runs in a new span that its handle knows.
fn told<'f, F, T>(thread: &ThreadSpan, fan: FanOut, name: JobName, f: F) -> impl FnOnce() -> T + 'f
where
    F: FnOnce(&Span) -> T + 'f,
{
    let thread = thread.clone();
    queued(fan, name, move |span| {
        thread.begun(span);
        f(span)
    })
}

/// Lets threads borrow from their surroundings, with `cx` as their parent: the traced form of [`std::thread::scope`].
///
/// `cx` is current inside `f`. Unlike the standard library's, the [`Scope`] is passed by value. It is `Copy`, so a thread
/// that starts others captures it with `move`.
///
/// # Panics
///
/// As [`std::thread::scope`]: if a thread panicked that was not joined.
///
/// ```
/// use heirloom_pool::threads;
/// let words = ["a", "parallel", "program"];
/// let longest = heirloom_core::in_root("measure", |root| {
///     threads::scope(root, |s| {
///         let threads = words.map(|word| s.spawn("word", move |_span| word.len()));
///         threads.map(|thread| thread.join().unwrap()).into_iter().max()
///     })
/// });
/// assert_eq!(longest, Some(8));
/// ```
pub fn scope<'env, F, T>(cx: impl Into<Context>, f: F) -> T
where
    F: for<'scope> FnOnce(Scope<'scope, 'env>) -> T,
{
    let cx = cx.into();
    let guard = FanGuard::begin(cx, FanKind::Scope, false);
    let fan = guard.fan();
    let _current = cx.enter();
    wait_for_scope(true, |body| std::thread::scope(|inner| body.run(|| f(Scope { inner, fan }))))
}

/// Starts threads that end before [`scope`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    inner: &'scope std::thread::Scope<'scope, 'env>,
    fan: FanOut,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Runs `f` on a new thread, in a new span below the scope's context.
    ///
    /// # Panics
    ///
    /// As [`std::thread::Scope::spawn`]: if the operating system has no thread left.
    pub fn spawn<'n, F, T>(self, name: impl Into<Name<'n>>, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce(&Span) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let span = ThreadSpan::new();
        ScopedJoinHandle::new(self.inner.spawn(told(&span, self.fan, JobName::new(name), f)), span)
    }

    /// The same scope with another parent, for a thread that starts others below its span.
    ///
    /// ```
    /// heirloom_core::in_root("build", |root| {
    ///     heirloom_pool::threads::scope(root, |s| {
    ///         s.spawn("outer", move |span| s.under(span).spawn("inner", |_| ()).join());
    ///     })
    /// });
    /// ```
    #[must_use]
    pub fn under(self, cx: impl Into<Context>) -> Self {
        Self { fan: FanOut::with_id(cx.into(), self.fan.id()), ..self }
    }
}

/// A thread's name and stack size: the traced form of [`std::thread::Builder`].
///
/// | setting | default |
/// |---|---|
/// | [`name`](Self::name) | none |
/// | [`stack_size`](Self::stack_size) | the standard library's (2 MiB, or `RUST_MIN_STACK`) |
///
/// ```
/// use heirloom_pool::threads::Builder;
/// heirloom_core::in_root("index", |root| {
///     let builder = Builder::new().name("indexer").stack_size(256 * 1024);
///     let thread = builder.spawn(root, "merge", |_span| std::thread::current().name().map(str::to_owned))?;
///     assert_eq!(thread.join().unwrap().as_deref(), Some("indexer"));
///     std::io::Result::Ok(())
/// })
/// # .unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct Builder(std::thread::Builder);

impl Builder {
    /// A builder with the defaults.
    pub fn new() -> Self {
        Self(std::thread::Builder::new())
    }

    /// Names the thread (not the span). It is the name of the thread's lane in the trace.
    ///
    /// # Panics
    ///
    /// [`spawn`](Self::spawn) panics if the name contains a zero byte, as the standard library's does.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self(self.0.name(name.into()))
    }

    /// The size of the thread's stack, in bytes.
    pub fn stack_size(self, size_bytes: usize) -> Self {
        Self(self.0.stack_size(size_bytes))
    }

    /// As [`spawn`], with these settings.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread left. The closure is dropped and there is no span.
    pub fn spawn<'n, F, T>(self, cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let span = ThreadSpan::new();
        let thread = self.0.spawn(told(&span, no_fan(cx.into()), JobName::new(name), f))?;
        Ok(JoinHandle::new(thread, span))
    }

    /// As [`Scope::spawn`], with these settings.
    ///
    /// # Errors
    ///
    /// If the operating system has no thread left. The closure is dropped and there is no span.
    pub fn spawn_scoped<'scope, 'env, 'n, F, T>(
        self,
        scope: Scope<'scope, 'env>,
        name: impl Into<Name<'n>>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce(&Span) -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let span = ThreadSpan::new();
        let thread = self.0.spawn_scoped(scope.inner, told(&span, scope.fan, JobName::new(name), f))?;
        Ok(ScopedJoinHandle::new(thread, span))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scoped_threads_borrow_and_start_others() {
        let numbers = [1, 2, 3];
        let total = scope(Context::INERT, |s| {
            let numbers = &numbers;
            let half = s.spawn("outer", move |span| {
                let inner = s.under(span).spawn("inner", |_| numbers.iter().sum::<i32>());
                inner.join().unwrap()
            });
            half.join().unwrap() * 2
        });
        assert_eq!(total, 12);
    }

    #[test]
    fn a_scoped_builder_names_its_thread() {
        let name = scope(Context::INERT, |s| {
            let builder = Builder::new().name("merger");
            let thread = builder.spawn_scoped(s, "merge", |_| std::thread::current().name().map(str::to_owned));
            thread.unwrap().join().unwrap()
        });
        assert_eq!(name.as_deref(), Some("merger"));
    }

    #[test]
    fn a_panic_reaches_the_handle_unchanged() {
        let thread = spawn(Context::INERT, "fails", |_| std::panic::panic_any(42_u8));
        assert_eq!(thread.join().unwrap_err().downcast_ref(), Some(&42_u8));
    }
}
