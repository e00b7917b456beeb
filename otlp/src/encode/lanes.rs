//! [`Lanes`]: the attributes of a lane, with OpenTelemetry's names.

use heirloom_core::export::Lane;
use heirloom_core::Value;

/// The attributes of a lane.
pub(super) struct Lanes;

impl Lanes {
    pub(super) const THREAD_ID: &'static str = "thread.id";
    pub(super) const THREAD_NAME: &'static str = "thread.name";
    pub(super) const PROCESS_ID: &'static str = "process.pid";

    /// Calls `add` with each of them.
    pub(super) fn each(lane: &Lane, resource_pid: Option<i64>, mut add: impl FnMut(&'static str, &Value<'_>)) {
        add(Self::THREAD_ID, &Value::from(lane.thread_id));
        if !lane.thread_name.is_empty() {
            add(Self::THREAD_NAME, &Value::from(&*lane.thread_name));
        }
        let pid = i64::from(lane.process_id);
        if resource_pid != Some(pid) {
            add(Self::PROCESS_ID, &Value::I64(pid));
        }
    }
}
