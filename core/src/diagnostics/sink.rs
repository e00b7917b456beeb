//! Writes messages to their destination.

use super::{Diagnostic, Level};
use crate::sys;
use std::io::Write;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

/// A function of the program that receives messages.
pub(crate) type Callback = Box<dyn FnMut(&Diagnostic) + Send>;

/// The destination of a channel.
pub(super) enum Sink {
    /// The crate `log`, or standard error.
    Standard,
    /// Only the channel's thread calls it. The lock is never waited for.
    Callback(Mutex<Callback>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Sink::Standard) { "Standard" } else { "Callback" })
    }
}

impl Sink {
    pub(super) fn callback(callback: Callback) -> Self {
        Sink::Callback(Mutex::new(callback))
    }

    /// Writes a message. May block; never panics. What a callback or a logger can't take goes to standard error.
    pub(super) fn write(&self, diagnostic: &Diagnostic) {
        let attempt = catch_unwind(AssertUnwindSafe(|| match self {
            Sink::Standard => log(diagnostic),
            Sink::Callback(callback) => {
                callback.lock().unwrap_or_else(PoisonError::into_inner)(diagnostic);
                true
            }
        }));
        let written = attempt.unwrap_or_else(|payload| {
            // The payload's destructor may panic too. What that panics with is not dropped.
            catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(std::mem::forget);
            false
        });
        if !written {
            write_line(diagnostic);
        }
    }
}

/// Writes one line with one call, so that it isn't mixed with the program's own. Errors are ignored: there is no other place to
/// report them.
fn write_line(diagnostic: &Diagnostic) {
    let line = format!("heirloom: {diagnostic}\n");
    let _ = sys::stderr().write_all(line.as_bytes());
}

/// Passes the message to the crate `log`. False if it has no logger.
#[cfg(feature = "log")]
fn log(diagnostic: &Diagnostic) -> bool {
    if log::max_level() == log::LevelFilter::Off {
        return false;
    }
    let level = match diagnostic.level() {
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::log!(target: "heirloom", level, "{diagnostic}");
    true
}

#[cfg(not(feature = "log"))]
fn log(diagnostic: &Diagnostic) -> bool {
    // Standard error shows no levels.
    let (Level::Warn | Level::Error) = diagnostic.level();
    false
}
