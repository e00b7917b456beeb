//! What makes findings less certain, in words.

use super::{strays, Case};
use crate::account::program_ns;
use crate::analysis::{Analysis, Note, Totals};
use crate::model::NoteKind;
use crate::sorted;
use crate::text::units::{counted, duration, percent, share};

/// From this share of untraced CPU time, or of a machine that others use, on, findings are weakened.
const MUCH: f64 = 0.2;
/// Untraced CPU time below this share of the capacity weakens nothing: a program that hardly computes has little to compare with.
const LEAST: f64 = 0.05;

/// What weakens the findings of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weakness {
    /// The share of the program's CPU time inside of spans, if much of it isn't.
    pub(super) traced: Option<f64>,
    /// The share of the machine that other processes used, if it is much.
    pub(super) others: Option<f64>,
    /// The share of spans that are missing, if it is more than 1 %.
    pub(super) missing: Option<f64>,
}

impl Weakness {
    pub(super) fn of(case: &Case<'_>, analysis: &Analysis) -> Self {
        let totals = &analysis.totals;
        let traced = 1.0 - untraced(case, analysis);
        let others = share(totals.others_ns.unwrap_or(0), machine_ns(totals));
        let missing = share(totals.dropped + totals.open, totals.spans + totals.dropped);
        Self {
            traced: Some(traced)
                .filter(|traced| *traced < 1.0 - MUCH)
                .filter(|_| share(totals.untraced_ns.unwrap_or(0), totals.capacity_ns) >= LEAST),
            others: Some(others).filter(|others| *others > MUCH),
            missing: Some(missing).filter(|missing| *missing > 0.01),
        }
    }

    /// The weaknesses as a sentence.
    pub(super) fn sentence(self) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(traced) = self.traced {
            parts.push(format!("only {} of this program's CPU time was spent inside spans", percent(traced)));
        }
        if let Some(others) = self.others {
            parts.push(format!("other processes used {} of the machine", percent(others)));
        }
        if let Some(missing) = self.missing {
            parts.push(format!("{} of the spans are missing or have no end", percent(missing)));
        }
        let mut text = parts.join(", and ");
        let first = text.chars().next()?.to_uppercase().to_string();
        text.replace_range(..1, &first);
        text.push('.');
        Some(text)
    }
}

/// The share of the program's CPU time outside of spans.
fn untraced(case: &Case<'_>, analysis: &Analysis) -> f64 {
    let inside: u64 = analysis.lanes.iter().filter_map(|lane| lane.cpu_ns).sum();
    let outside = analysis.totals.untraced_ns.unwrap_or(0);
    share(outside, program_ns(case.run).max(inside + outside))
}

fn machine_ns(totals: &Totals) -> u64 {
    (totals.cpus * totals.wall_ns as f64) as u64
}

/// The notes of an analysis, the gravest kind first: what the reading and the account said, and what the prediction adds.
pub(crate) fn notes(case: &Case<'_>, analysis: &Analysis) -> Vec<Note> {
    let mut notes = analysis.notes.clone();
    let has = |notes: &[Note], kind| notes.iter().any(|note| note.kind == kind);
    let totals = &analysis.totals;
    if totals.dropped > 0 && !has(&notes, NoteKind::Dropped) {
        let text = format!(
            "At least {}.",
            counted(
                totals.dropped,
                "span is missing: time in it is counted as its parent's",
                "spans are missing: time in them is counted as their parents'"
            )
        );
        notes.push(Note { kind: NoteKind::Dropped, text });
    }
    if totals.open > 0 && !has(&notes, NoteKind::Open) {
        let text = format!(
            "{} when the trace ended. That moment counts as the end.",
            counted(totals.open, "span was open", "spans were open")
        );
        notes.push(Note { kind: NoteKind::Open, text });
    }
    notes.extend(strays::note(case));
    notes.extend(of_the_prediction(case, analysis));
    sorted::by_key(&mut notes, |note| note.kind);
    notes
}

fn of_the_prediction(case: &Case<'_>, analysis: &Analysis) -> Vec<Note> {
    let mut notes = Vec::new();
    let (measured, simulated) = (analysis.totals.wall_ns, case.base.simulated());
    let ratio = case.base.ratio();
    if simulated > 0 && !(0.8..=1.25).contains(&ratio) {
        let text = format!(
            "Without gaps and wake-ups, the recorded schedule would have taken {}; the run took {}. Predictions are stretched by that.",
            duration(simulated),
            duration(measured)
        );
        notes.push(Note { kind: NoteKind::Guessed, text });
    }
    if case.base.fold_error() > 0 {
        let more = match case.run.holds.is_empty() {
            true => "",
            false => ", or by more if locks are taken in another order",
        };
        let text = format!(
            "The run is large: neighbouring pieces of work were simulated as one. That may change a predicted time by {}{more}.",
            duration(case.base.fold_error())
        );
        notes.push(Note { kind: NoteKind::Guessed, text });
    }
    if case.graph.left_out > 0 {
        let text = format!(
            "{}.",
            counted(
                case.graph.left_out,
                "dependency contradicted others and was left out",
                "dependencies contradicted each other and were left out"
            )
        );
        notes.push(Note { kind: NoteKind::Damaged, text });
    }
    notes
}
