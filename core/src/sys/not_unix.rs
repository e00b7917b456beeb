//! The exit of the process is not noticed on systems other than Unix: call `finish` before the process ends. They have no
//! `fork`.

pub(crate) fn at_exit(_run: extern "C" fn()) {}

pub(crate) fn at_fork_child(_run: extern "C" fn()) {}

pub(crate) fn signal_name(_signal: i32) -> Option<&'static str> {
    None
}

/// There are no signals.
pub(crate) fn block_broken_pipe_signal() {}

pub(crate) fn stderr() -> Box<dyn std::io::Write> {
    Box::new(std::io::stderr())
}
