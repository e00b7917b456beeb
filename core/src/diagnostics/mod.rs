//! Messages for the operator of the program: settings that can't be used, losses, exporters that fail.
//!
//! Reporting never writes, never blocks and never panics: [`report`] puts the message into a small queue. A thread
//! (`heirloom-diagnostics`) takes it from there to one destination:
//!
//! | destination | if |
//! |---|---|
//! | the callback of [`Builder::on_diagnostic`](crate::Builder::on_diagnostic) | the tracer that the message is about has one |
//! | the crate `log`, target `heirloom` | the feature `log` is on and a logger is set |
//! | standard error, one line that starts with `heirloom: ` | otherwise |
//!
//! - Only that thread waits for a callback, a logger or a standard error that blocks. Each callback has its own queue and
//!   thread, so one that blocks delays no other destination.
//! - A message that finds the queue full (64 messages) is left out and counted; a later message ([`Cause::LeftOut`]) has
//!   the count.
//! - Errors of standard error are ignored. A callback or a logger that panics is caught, and its message is written to
//!   standard error.
//! - The thread records nothing, also not in the callback. It starts with a message and ends when the queue is empty.
//! - The end of a tracer and the end of the process wait for the messages, at most 100 ms in all, until a wait succeeds.
//! - The child of a fork has its own queue and thread. It reports nothing through a tracer of its parent.
//!
//! A loss is reported at once, then at most once a minute for each cause (and exporter), with the number since the last
//! report. The end of a tracer by drop, by `exit` and by the return from `main` reports each cause with its total. After
//! [`Guard::finish`](crate::Guard::finish) the returned [`Report`](crate::Report) has them, and nothing is written.
//!
//! | file | what it does |
//! |---|---|
//! | this one | where a message goes: a tracer's callback, or the process's channel |
//! | `message.rs` | one message |
//! | `channel.rs` | the queue and its thread |
//! | `sink.rs` | writes a message: callback, `log`, standard error |
//! | `pace.rs` | at most once a minute |

mod channel;
mod message;
mod pace;
mod sink;

pub use message::{Cause, Diagnostic, Level};
pub(crate) use pace::{Pace, REPORT_EVERY};
pub(crate) use sink::Callback;

use crate::{life, sys};
use arc_swap::ArcSwapOption;
use channel::{Channel, Patience};
use sink::Sink;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the ends of tracers and of the process wait for messages in all: a terminal or a file needs less, and a reader
/// that hangs must not delay the end.
const AT_THE_END: Duration = Duration::from_millis(100);

/// The process's channel, for tracers without a callback, and while there is no global tracer.
static PROCESS: ArcSwapOption<Channel> = ArcSwapOption::const_empty();
/// The channel of the global tracer's callback, for messages of threads that work for no tracer.
static GLOBAL: ArcSwapOption<Channel> = ArcSwapOption::const_empty();
static PATIENCE: Patience = Patience::new(AT_THE_END);

thread_local! {
    /// The destination of what a tracer's own thread reports.
    static HERE: RefCell<Option<Destination>> = const { RefCell::new(None) };
}

/// Reports a message. For exporters and other code that works for a tracer: what an exporter reports on its own thread
/// goes where its tracer's messages go; on any other thread, where those of the global tracer go.
///
/// Never writes, blocks or panics, but takes a short lock and allocates. The caller must not report faster than an
/// operator reads: see the [module](self) for what is left out.
///
/// ```
/// use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
/// report(Diagnostic::new(Level::Warn, Cause::Retrying, "the backend is down; retrying").about("my backend"));
/// ```
pub fn report(diagnostic: Diagnostic) {
    let here = HERE.try_with(|here| here.try_borrow().ok().and_then(|here| here.clone())).ok().flatten();
    here.unwrap_or_else(Destination::global).report(diagnostic);
}

/// Where the messages of one tracer go, and how often. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// The channel of the tracer's callback; `None` is the process's.
    channel: Option<Arc<Channel>>,
    every: Duration,
}

impl Default for Destination {
    fn default() -> Self {
        Self { channel: None, every: REPORT_EVERY }
    }
}

impl Destination {
    /// This callback, or the process's channel; each cause once in `every`.
    pub(crate) fn new(callback: Option<Callback>, every: Duration) -> Self {
        Self { channel: callback.map(|callback| Arc::new(Channel::new(Sink::callback(callback)))), every }
    }

    pub(crate) fn has_callback(&self) -> bool {
        self.channel.is_some()
    }

    /// The shortest time between two reports of the same cause.
    pub(crate) fn every(&self) -> Duration {
        self.every
    }

    /// That of the global tracer, else the process's channel.
    fn global() -> Self {
        let channel = GLOBAL.load_full().filter(|channel| channel.is_of_this_process());
        Self { channel, ..Self::default() }
    }

    /// Makes it that of the global tracer.
    pub(crate) fn set_global(&self) {
        GLOBAL.store(self.channel.clone());
    }

    /// Undoes [`set_global`](Self::set_global).
    pub(crate) fn unset_global(&self) {
        GLOBAL.compare_and_swap(&self.channel, None);
    }

    /// Puts the message into the queue: a short lock, no waiting. The caller holds no lock.
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        match &self.channel {
            // The child of a fork has no part in its parent's tracer.
            Some(channel) if !channel.is_of_this_process() => {}
            Some(channel) => channel.push(diagnostic),
            None => process().push(diagnostic),
        }
    }

    /// Where the messages of the process's end go. If its callback ends the process, it takes no more messages: the rest
    /// goes to the process's channel.
    pub(crate) fn at_exit(&self) -> Self {
        match &self.channel {
            Some(channel) if channel.is_here() => {
                let process = Self { channel: None, every: self.every };
                channel.take_waiting().into_iter().for_each(|diagnostic| process.report(diagnostic));
                process
            }
            _ => self.clone(),
        }
    }

    /// From now on, what this thread reports goes here.
    pub(crate) fn use_on_this_thread(&self) {
        let _ = HERE.try_with(|here| here.try_borrow_mut().map(|mut here| *here = Some(self.clone())));
    }

    /// Waits until everything reported so far is written, at most for what is left of [`AT_THE_END`].
    pub(crate) fn settle(&self) {
        let start = Instant::now();
        let own = self.channel.iter().filter(|channel| channel.is_of_this_process()).cloned();
        let all = own.chain(PROCESS.load_full().filter(|channel| channel.is_of_this_process()));
        PATIENCE.spend(|limit| {
            let unwritten = all.filter(|channel| !channel.wait(limit.saturating_sub(start.elapsed())));
            unwritten.count() == 0
        });
    }
}

/// From the first message on, the end of the process waits for messages, also without a tracer.
fn settle_at_exit() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        sys::at_exit(settle);
    }
}

extern "C" fn settle() {
    life::exits();
    Destination::default().settle();
}

/// The channel of this process. The child of a fork makes another one: the locks of its parent's may be held permanently.
fn process() -> Arc<Channel> {
    loop {
        let known = PROCESS.load_full();
        match known {
            Some(channel) if channel.is_of_this_process() => return channel,
            stale => {
                let new = Some(Arc::new(Channel::new(Sink::Standard)));
                let before = PROCESS.compare_and_swap(&stale, new);
                // Never freed: it may have been in use at the moment of the fork.
                std::mem::forget((stale, arc_swap::Guard::into_inner(before)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
