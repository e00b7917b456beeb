//! Waits until another thread is blocked.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a thread is waited for at most: far more than a busy machine takes.
const LONG: Duration = Duration::from_secs(60);
/// How long it is waited for where the system doesn't show what it does.
const NAP: Duration = Duration::from_millis(50);

/// A thread that another one may wait for.
#[derive(Clone, Debug)]
pub struct ThisThread(Option<PathBuf>);

/// The calling thread.
pub fn this_thread() -> ThisThread {
    // `<process>/task/<thread>`, on Linux.
    ThisThread(fs::read_link("/proc/thread-self").ok().map(|thread| PathBuf::from("/proc").join(thread).join("stat")))
}

impl ThisThread {
    /// Waits until the thread sleeps: it is blocked by what it did last.
    ///
    /// # Panics
    /// It doesn't within a minute.
    pub fn until_asleep(&self) {
        let Some(stat) = &self.0 else { return std::thread::sleep(NAP) };
        let start = Instant::now();
        while !is_asleep(&fs::read_to_string(stat).unwrap_or_default()) {
            assert!(start.elapsed() < LONG, "{} runs all the time", stat.display());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The state is behind the name, which is in parentheses.
fn is_asleep(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_waits_for_a_message_is_asleep_and_this_one_is_not() {
        let ((says, said), (wakes, woken)) = (channel(), channel::<()>());
        let waits = std::thread::spawn(move || {
            says.send(this_thread()).unwrap();
            woken.recv().unwrap();
        });
        said.recv().unwrap().until_asleep();
        let own = this_thread().0.map(|stat| fs::read_to_string(stat).unwrap());
        assert!(own.is_none_or(|stat| !is_asleep(&stat)));
        wakes.send(()).unwrap();
        waits.join().unwrap();
    }
}
