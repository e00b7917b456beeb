//! [`Plan`]: the settings with which a pool starts its worker processes.

use super::frame::VERSION;
use super::message::VARIABLE;
use heirloom_core::Context;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The settings for the keepers.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) worker: &'static str,
    /// A number that tells the pool from others.
    pub(super) pool: u64,
    /// The number of processes.
    pub(super) workers: usize,
    pub(super) job_type: &'static str,
    pub(super) reply_type: &'static str,
    pub(super) executable: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) envs: Vec<(OsString, OsString)>,
    pub(super) message_bytes: usize,
    pub(super) start_timeout: Duration,
    pub(super) restarts: u32,
    pub(super) restart_window: Duration,
    /// The span of a worker's death gets the end of its stderr.
    #[cfg(feature = "capture")]
    pub(super) record_stderr: bool,
    /// The workers record into the collector of its tracer.
    pub(super) cx: Context,
}

impl Plan {
    pub(super) fn command(&self, socket: &str) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(&self.args).envs(self.envs.iter().map(|(key, value)| (key, value)));
        command.env(VARIABLE, format!("{VERSION}:{socket}"));
        command
    }
}
