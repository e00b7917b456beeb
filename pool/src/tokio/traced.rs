//! [`TracedTasks`]: `.traced(cx)` for types that spawn tasks.

use super::place::On;
use super::task::Waiting;
use crate::blocking::block_on;
use ::tokio::runtime::{Handle, LocalRuntime, Runtime};
use ::tokio::task::{AbortHandle, JoinHandle, JoinSet, LocalSet};
use heirloom_core::{Context, Name, Span};
use std::future::Future;

/// Sets the parent of the spans of spawned tasks, and of a future on which a thread blocks, for a [`Handle`],
/// a [`Runtime`], a [`LocalRuntime`], a [`LocalSet`] and a [`JoinSet`].
pub trait TracedTasks: Sized {
    /// Wraps this value, with `cx` as the parent of the spans. The methods of the result have tokio's names. Each takes the
    /// span's name first.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let root = heirloom_core::root("request");
    /// let task = runtime.traced(&root).spawn("fetch", |_cx| async { 42 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// ```
    fn traced(self, cx: impl Into<Context>) -> Traced<Self> {
        Traced { on: self, cx: cx.into() }
    }
}

impl TracedTasks for &Handle {}
impl TracedTasks for &Runtime {}
impl TracedTasks for &LocalRuntime {}
impl TracedTasks for &LocalSet {}
impl<T> TracedTasks for &mut JoinSet<T> {}

/// A type that spawns tasks, with the parent of their spans. Made by [`TracedTasks::traced`].
#[derive(Debug)]
#[must_use = "nothing is spawned yet"]
pub struct Traced<S> {
    on: S,
    cx: Context,
}

impl<S> Traced<S> {
    fn waiting<'n>(&self, name: impl Into<Name<'n>>) -> Waiting {
        Waiting::new(self.cx, name)
    }
}

impl Traced<&Handle> {
    /// As [`spawn`](super::spawn), on this runtime: the traced form of [`Handle::spawn`].
    pub fn spawn<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        self.on.spawn(self.waiting(name).run(On::Worker, f))
    }

    /// As [`spawn_blocking`](super::spawn_blocking), on this runtime: the traced form of [`Handle::spawn_blocking`].
    pub fn spawn_blocking<'n, F, T>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let waiting = self.waiting(name);
        self.on.spawn_blocking(move || waiting.run_blocking(f))
    }

    /// As [`block_on`](Traced::<&Runtime>::block_on) of a runtime: the traced form of [`Handle::block_on`].
    ///
    /// # Panics
    ///
    /// As the plain function: inside a runtime.
    pub fn block_on<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        block_on(self.cx, name, f, |future| self.on.block_on(future))
    }
}

impl Traced<&Runtime> {
    /// As [`spawn`](super::spawn), on this runtime: the traced form of [`Runtime::spawn`].
    pub fn spawn<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        self.on.handle().traced(self.cx).spawn(name, f)
    }

    /// As [`spawn_blocking`](super::spawn_blocking), on this runtime: the traced form of [`Runtime::spawn_blocking`].
    pub fn spawn_blocking<'n, F, T>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.on.handle().traced(self.cx).spawn_blocking(name, f)
    }

    /// Runs a future on this thread, in a new span, and blocks until it is ready: the traced form of [`Runtime::block_on`].
    ///
    /// The time in which the thread is parked is recorded as a wait for a job: the time between two polls, if it is more than a
    /// microsecond. Polls are work: those of the future, and on a runtime of one thread those of other traced tasks in between. See
    /// [`block_on`](crate::block_on()), also for the cost.
    ///
    /// # Panics
    ///
    /// As the plain function: inside a runtime, or if the future panics. The span then ends as an error.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let pages = heirloom_core::in_root("main", |root| {
    ///     runtime.traced(root).block_on("crawl", |cx| async move {
    ///         let page = heirloom_pool::tokio::spawn(cx, "page", |_cx| async { 1 }); // below "crawl"
    ///         page.await.unwrap()
    ///     })
    /// });
    /// assert_eq!(pages, 1);
    /// ```
    pub fn block_on<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        block_on(self.cx, name, f, |future| self.on.block_on(future))
    }
}

impl Traced<&LocalRuntime> {
    /// As [`spawn_local`](super::spawn_local), on this runtime: the traced form of [`LocalRuntime::spawn_local`].
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// let runtime = tokio::runtime::LocalRuntime::new().unwrap();
    /// let root = heirloom_core::root("request");
    /// let text = std::rc::Rc::new("not sent");
    /// let task = runtime.traced(&root).spawn_local("measure", move |_cx| async move { text.len() });
    /// assert_eq!(runtime.block_on(task).unwrap(), 8);
    /// ```
    pub fn spawn_local<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce(Context) -> Fut + 'static,
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        self.on.spawn_local(self.waiting(name).run(On::Local, f))
    }

    /// As [`spawn_blocking`](super::spawn_blocking), on this runtime: the traced form of [`LocalRuntime::spawn_blocking`].
    pub fn spawn_blocking<'n, F, T>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.on.handle().traced(self.cx).spawn_blocking(name, f)
    }

    /// As [`block_on`](Traced::<&Runtime>::block_on) of a runtime: the traced form of [`LocalRuntime::block_on`].
    ///
    /// # Panics
    ///
    /// As the plain function: inside a runtime, or if the future panics.
    pub fn block_on<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        block_on(self.cx, name, f, |future| self.on.block_on(future))
    }
}

impl Traced<&LocalSet> {
    /// As [`spawn_local`](super::spawn_local), on this set: the traced form of [`LocalSet::spawn_local`].
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// let root = heirloom_core::root("request");
    /// let local = tokio::task::LocalSet::new();
    /// let text = std::rc::Rc::new("not sent");
    /// let task = local.traced(&root).spawn_local("measure", move |_cx| async move { text.len() });
    /// assert_eq!(local.block_on(&runtime, task).unwrap(), 8);
    /// ```
    pub fn spawn_local<'n, F, Fut>(&self, name: impl Into<Name<'n>>, f: F) -> JoinHandle<Fut::Output>
    where
        F: FnOnce(Context) -> Fut + 'static,
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        self.on.spawn_local(self.waiting(name).run(On::Local, f))
    }

    /// As [`block_on`](Traced::<&Runtime>::block_on) of a runtime, which runs this set's tasks meanwhile: the traced form of
    /// [`LocalSet::block_on`].
    ///
    /// # Panics
    ///
    /// As the plain function: inside a runtime, or if the future panics.
    pub fn block_on<'n, F, Fut>(&self, runtime: &Runtime, name: impl Into<Name<'n>>, f: F) -> Fut::Output
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future,
    {
        block_on(self.cx, name, f, |future| self.on.block_on(runtime, future))
    }
}

impl<T: 'static> Traced<&mut JoinSet<T>> {
    /// As [`spawn`](super::spawn), into this set: the traced form of [`JoinSet::spawn`].
    ///
    /// # Panics
    ///
    /// As the plain function: outside a runtime.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let root = heirloom_core::root("request");
    /// let mut tasks = tokio::task::JoinSet::new();
    /// for id in 0..3 {
    ///     tasks.traced(&root).spawn("resize", move |_cx| async move { id });
    /// }
    /// assert_eq!(tasks.join_all().await.iter().sum::<i32>(), 3);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<'n, F, Fut>(&mut self, name: impl Into<Name<'n>>, f: F) -> AbortHandle
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send,
    {
        let waiting = self.waiting(name);
        self.on.spawn(waiting.run(On::Worker, f))
    }

    /// As [`spawn`](Self::spawn), on another runtime: the traced form of [`JoinSet::spawn_on`].
    pub fn spawn_on<'n, F, Fut>(&mut self, name: impl Into<Name<'n>>, f: F, runtime: &Handle) -> AbortHandle
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send,
    {
        let waiting = self.waiting(name);
        self.on.spawn_on(waiting.run(On::Worker, f), runtime)
    }

    /// As [`spawn_blocking`](super::spawn_blocking), into this set: the traced form of [`JoinSet::spawn_blocking`].
    ///
    /// # Panics
    ///
    /// As the plain function: outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<'n, F>(&mut self, name: impl Into<Name<'n>>, f: F) -> AbortHandle
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send,
    {
        let waiting = self.waiting(name);
        self.on.spawn_blocking(move || waiting.run_blocking(f))
    }

    /// As [`spawn_local`](super::spawn_local), into this set: the traced form of [`JoinSet::spawn_local`].
    ///
    /// # Panics
    ///
    /// As the plain function: outside a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local<'n, F, Fut>(&mut self, name: impl Into<Name<'n>>, f: F) -> AbortHandle
    where
        F: FnOnce(Context) -> Fut + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let waiting = self.waiting(name);
        self.on.spawn_local(waiting.run(On::Local, f))
    }

    /// As [`spawn_blocking`](Self::spawn_blocking), on another runtime: the traced form of [`JoinSet::spawn_blocking_on`].
    #[track_caller]
    pub fn spawn_blocking_on<'n, F>(&mut self, name: impl Into<Name<'n>>, f: F, runtime: &Handle) -> AbortHandle
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send,
    {
        let waiting = self.waiting(name);
        self.on.spawn_blocking_on(move || waiting.run_blocking(f), runtime)
    }

    /// As [`spawn_local`](Self::spawn_local), on that set of local tasks: the traced form of [`JoinSet::spawn_local_on`].
    #[track_caller]
    pub fn spawn_local_on<'n, F, Fut>(&mut self, name: impl Into<Name<'n>>, f: F, local: &LocalSet) -> AbortHandle
    where
        F: FnOnce(Context) -> Fut + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let waiting = self.waiting(name);
        self.on.spawn_local_on(waiting.run(On::Local, f), local)
    }
}
