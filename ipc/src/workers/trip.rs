//! [`Trip`]: when a job was submitted, sent, answered and taken. These times are marks of the job's span, which is in the worker's process.

use heirloom_core::mark::{stage_of, stamp, StageKind, Stamp};
use heirloom_core::{Context, SpanId};

/// The times of a job whose reply has arrived. They are recorded when it is dropped, by the thread that takes the reply or drops
/// it.
#[derive(Debug)]
pub(super) struct Trip {
    /// The parent of the job's span.
    pub(super) cx: Context,
    pub(super) span: SpanId,
    /// The pool's number.
    pub(super) pool: u64,
    pub(super) submitted: Stamp,
    /// The last time, if a worker died before it began the job.
    pub(super) sent: Option<Stamp>,
    pub(super) replied: Stamp,
}

impl Trip {
    /// The caller takes the reply.
    pub(super) fn taken(self) {
        self.record(StageKind::Taken, stamp());
    }

    fn record(&self, stage: StageKind, at: Stamp) {
        stage_of(self.cx, self.span, stage, at, self.pool);
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        self.record(StageKind::Submitted, self.submitted);
        if let Some(sent) = self.sent {
            self.record(StageKind::Sent, sent);
        }
        self.record(StageKind::Replied, self.replied);
    }
}
