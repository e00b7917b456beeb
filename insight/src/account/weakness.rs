//! What weakens the account: guesses, CPU time outside of spans, and other processes.

use super::lanes::Lanes;
use super::recording::program_ns;
use super::track::moved;
use crate::analysis::Totals;
use crate::model::{Note, NoteKind, Run};

/// A part of the CPU time that is worth a note.
const WORTH: f64 = 0.1;

/// CPU time of the program outside of spans, if it was sampled. Threads that never recorded count if the load of their process is
/// known. Time in spans that no sample covers counts as CPU time: that of a thread that came and went between two samples.
/// Heirloom's own threads don't count.
pub(super) fn untraced_ns(run: &Run, lanes: &Lanes) -> Option<u64> {
    let table = &lanes.table;
    let traced: u64 = table.iter().filter_map(|lane| lane.cpu_ns).sum();
    let of_lanes: u64 = table.iter().filter_map(|lane| lane.untraced_ns).sum();
    let sampled = table.iter().any(|lane| lane.cpu_ns.is_some());
    sampled.then(|| program_ns(run).saturating_sub(traced + lanes.unsampled_ns).max(of_lanes))
}

/// CPU time of processes that aren't part of the run, as its first process saw it.
pub(super) fn others_ns(run: &Run) -> Option<u64> {
    let sums = |process: u32| {
        let loads = run.loads.iter().filter(move |load| load.process == process);
        loads.fold((0_u64, 0_u64), |sum, load| (sum.0 + load.cpu_ns, sum.1 + load.others_ns))
    };
    let seen: Vec<(u64, u64)> = (0..run.processes.len() as u32).map(sums).collect();
    let first = run.loads.iter().map(|load| load.process).min()? as usize;
    let family: u64 = seen.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, sum)| sum.0).sum();
    Some(seen[first].1.saturating_sub(family))
}

/// Notes for what is worth one.
pub(super) fn notes(totals: &Totals, run: &Run) -> Vec<Note> {
    let mut notes = Vec::new();
    let moved = run.fans.iter().filter(|fan| moved(run, fan).is_some()).count();
    if moved > 0 {
        let many = if moved == 1 { "1 fan-out".to_owned() } else { format!("{moved} fan-outs") };
        let text = format!(
            "{many} began on another thread than the span above. That span's thread is assumed to have waited."
        );
        notes.push(Note { kind: NoteKind::Guessed, text });
    }
    let cpu_ns: u64 = run.loads.iter().map(|load| load.cpu_ns).sum();
    let untraced = totals.untraced_ns.unwrap_or_default() as f64 / cpu_ns.max(1) as f64;
    if cpu_ns > 0 && untraced > WORTH {
        let percent = ((1.0 - untraced.min(1.0)) * 100.0).round();
        let text = format!("Only {percent} % of this program's CPU time was spent inside spans.");
        notes.push(Note { kind: NoteKind::Untraced, text });
    }
    let machine = run.machine.cpus.unwrap_or_default() * totals.wall_ns as f64;
    let others = totals.others_ns.unwrap_or_default() as f64;
    if machine > 0.0 && others / machine > WORTH {
        let percent = (others / machine * 100.0).round();
        let text = format!("Other processes used CPU time equal to {percent} % of what this program may use.");
        notes.push(Note { kind: NoteKind::Busy, text });
    }
    notes
}
