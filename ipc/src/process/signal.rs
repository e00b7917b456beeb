//! The names of signals: their numbers differ between systems.

#[cfg(unix)]
macro_rules! names {
    ($($name:ident)*) => {
        &[$((libc::$name, stringify!($name))),*]
    };
}

/// What every Unix has. Those of real time have only numbers.
#[cfg(unix)]
#[rustfmt::skip]
const NAMES: &[(i32, &str)] = names![
    SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSEGV
    SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ
];

#[cfg(not(unix))]
const NAMES: &[(i32, &str)] = &[];

/// As in `SIGKILL`; the number where it has no name here.
pub(super) fn name(signal: i32) -> String {
    NAMES
        .iter()
        .find(|(number, _)| *number == signal)
        .map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_its_name_and_a_number_without_one_stays_a_number() {
        assert_eq!([name(libc::SIGKILL), name(libc::SIGUSR2), name(40)], ["SIGKILL", "SIGUSR2", "40"]);
    }
}
