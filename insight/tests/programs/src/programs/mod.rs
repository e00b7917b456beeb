//! The programs, one in each module.

mod another_process;
mod background_job;
mod balanced;
mod blocking_call;
mod buried_join;
mod false_sharing;
mod full_queue;
mod io_in_span;
mod lock_convoy;
mod long_hold;
mod off_path;
mod oversubscribed;
mod serial_phase;
mod slow_start;
mod small_chunks;
mod starved_queue;
mod static_imbalance;
mod straggler;
mod two_causes;
mod two_fan_outs;
mod untraced_half;

pub use another_process::{burn, BURNER};
pub use slow_start::serve_if_worker;

use crate::Program;

/// All of them: the faults, then the negative controls.
pub const ALL: &[Program] = &[
    serial_phase::PROGRAM,
    straggler::PROGRAM,
    long_hold::PROGRAM,
    lock_convoy::PROGRAM,
    starved_queue::PROGRAM,
    full_queue::PROGRAM,
    small_chunks::PROGRAM,
    slow_start::PROGRAM,
    static_imbalance::PROGRAM,
    background_job::PROGRAM,
    two_fan_outs::PROGRAM,
    buried_join::PROGRAM,
    blocking_call::PROGRAM,
    io_in_span::PROGRAM,
    untraced_half::PROGRAM,
    oversubscribed::PROGRAM,
    another_process::PROGRAM,
    false_sharing::PROGRAM,
    balanced::PROGRAM,
    off_path::PROGRAM,
    two_causes::PROGRAM,
];

/// The program with this name.
pub fn find(name: &str) -> Option<&'static Program> {
    ALL.iter().find(|program| program.name == name)
}
