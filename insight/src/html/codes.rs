//! How the page's data name kinds. The report's script reads them (`insight/web/src`).

use crate::model::{FanKind, LockKind, StageKind, WaitCause};

pub(super) const fn name_of_lock(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwLock => "rwlock",
        LockKind::Condvar => "condvar",
        LockKind::Channel => "channel",
    }
}

pub(super) const fn number_of_cause(cause: WaitCause) -> u8 {
    match cause {
        WaitCause::Install => 0,
        WaitCause::Scope => 1,
        WaitCause::Thread => 2,
        WaitCause::Workers => 3,
        WaitCause::Job => 4,
        WaitCause::Full => 5,
        WaitCause::Empty => 6,
        WaitCause::Mutex => 7,
        WaitCause::Read => 8,
        WaitCause::Write => 9,
        WaitCause::Condvar => 10,
        WaitCause::Await => 11,
    }
}

pub(super) const fn number_of_fan(kind: FanKind) -> u8 {
    match kind {
        FanKind::Iterator => 0,
        FanKind::Join => 1,
        FanKind::Scope => 2,
        FanKind::Broadcast => 3,
        FanKind::Workers => 4,
        FanKind::Guessed => 5,
    }
}

pub(super) const fn number_of_stage(kind: StageKind) -> u8 {
    match kind {
        StageKind::Submitted => 0,
        StageKind::Sent => 1,
        StageKind::Replied => 2,
        StageKind::Taken => 3,
    }
}
