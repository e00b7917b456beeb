//! Exit is not noticed where the system is no Unix: call `finish` before the process ends. There is no `fork` there.

pub(crate) fn at_exit(_run: extern "C" fn()) {}

pub(crate) fn at_fork_child(_run: extern "C" fn()) {}

pub(crate) fn signal_name(_signal: i32) -> Option<&'static str> {
    None
}
