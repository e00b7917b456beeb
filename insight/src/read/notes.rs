//! What the input lacked, and what was guessed instead, in sentences.

use super::raw::Faults;
use crate::model::{Note, NoteKind, Run};
use crate::sorted;

/// What was found while references were resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Spans with times that were never set.
    pub(super) odd_times: u64,
    /// Spans whose ids another one has.
    pub(super) doubles: u64,
    /// Spans whose parent isn't in the input.
    pub(super) orphans: u64,
    /// Spans that were open when their process died, and the sentences about them.
    pub(super) aborted: u64,
    pub(super) aborts: Vec<Note>,
    /// Circles of parents.
    pub(super) cycles: u64,
    /// Marks that refer to a span or a fan-out that isn't in the input.
    pub(super) stray_marks: u64,
    /// Marks whose values are invalid, or of a later version.
    pub(super) invalid_marks: u64,
    /// Marks that the recording process forgot, because no span came that could carry them.
    pub(super) forgotten_marks: u64,
    pub(super) unnamed_locks: u64,
    /// Fan-outs whose mark is missing.
    pub(super) lost_fans: u64,
    /// Fan-outs of programs that record none.
    pub(super) guessed: u64,
}

/// Adds the notes of a run.
pub(super) fn add(run: &mut Run, found: &Found, faults: &Faults) {
    let mut notes = Vec::new();
    let mut note = |kind, count: u64, one: &str, many: &str| {
        if count > 0 {
            let text = if count == 1 { one.to_owned() } else { many.replace("{}", &count.to_string()) };
            notes.push(Note { kind, text });
        }
    };
    use NoteKind::{Damaged, Dropped, Guessed, Missing, Open};
    let dropped = run.dropped_children.iter().fold(faults.beyond, |sum, row| sum.saturating_add(row.1));
    note(Dropped, dropped, "1 span is missing: it was dropped.", "{} spans are missing: they were dropped.");
    note(
        Dropped,
        faults.marks_beyond,
        "1 record besides spans is missing: there was no room for it.",
        "{} records besides spans are missing: there was no room for them.",
    );
    note(
        Dropped,
        found.forgotten_marks,
        "1 record besides spans (a wait, a join or the like) is missing: no span ended in time to carry it.",
        "{} records besides spans (waits, joins and the like) are missing: no span ended in time to carry them.",
    );
    let Counts { open, crossing, unpolled } = Counts::of(run);
    let open = open.saturating_sub(found.aborted);
    note(
        Open,
        open,
        "1 span was still open when its trace ended. Its end is unknown.",
        "{} spans were still open when their trace ended. Their ends are unknown.",
    );
    note(
        Damaged,
        faults.backward,
        "1 span ends before it starts. It counts as a span without length.",
        "{} spans end before they start. They count as spans without length.",
    );
    note(
        Damaged,
        found.odd_times,
        "1 span has a time before 1971 or after 2099. It is left out, or has no length.",
        "{} spans have a time before 1971 or after 2099. They are left out, or have no length.",
    );
    note(
        Damaged,
        found.doubles,
        "1 span is left out, because another one has the same ids.",
        "{} spans are left out, because others have the same ids.",
    );
    note(
        Damaged,
        found.cycles,
        "1 span was its own ancestor. It counts as a root.",
        "{} spans were their own ancestors. They count as roots.",
    );
    note(Damaged, faults.marks, "1 span has marks that can't be read.", "{} spans have marks that can't be read.");
    note(
        Damaged,
        found.invalid_marks,
        "1 recorded mark is left out: its values are invalid, or of a later version.",
        "{} recorded marks are left out: their values are invalid, or of a later version.",
    );
    note(
        Missing,
        faults.without_lane,
        "1 span has no `thread.id`, so lost time can't be shown for its process.",
        "{} spans have no `thread.id`, so lost time can't be shown for their processes.",
    );
    note(
        Missing,
        found.orphans,
        "1 span has a parent that is not in the input. It counts as a root.",
        "{} spans have a parent that is not in the input. They count as roots.",
    );
    note(
        Missing,
        found.stray_marks,
        "1 recorded mark refers to a span or a fan-out that is missing.",
        "{} recorded marks refer to spans or fan-outs that are missing.",
    );
    note(Missing, found.unnamed_locks, "The name of 1 lock is missing.", "The names of {} locks are missing.");
    note(
        Missing,
        crossing,
        "1 span crosses another one on its thread. It counts for no thread.",
        "{} spans cross others on their thread. They count for no thread.",
    );
    note(
        Missing,
        unpolled,
        "1 asynchronous span has no record of when it ran. It counts for no thread.",
        "{} asynchronous spans have no record of when they ran. They count for no thread.",
    );
    note(
        Guessed,
        found.lost_fans,
        "The record of 1 fan-out is missing. It is guessed from its spans.",
        "The records of {} fan-outs are missing. They are guessed from their spans.",
    );
    note(
        Guessed,
        found.guessed,
        "1 fan-out is guessed: children of one span that overlap in time, on other threads.",
        "{} fan-outs are guessed: children of one span that overlap in time, on other threads.",
    );
    notes.extend(found.aborts.iter().cloned());
    notes.extend(faults.files.iter().map(|text| Note { kind: Damaged, text: text.clone() }));
    run.notes.extend(notes);
    sorted::by(&mut run.notes, |a, b| (a.kind, &a.text).cmp(&(b.kind, &b.text)));
}

/// Spans of some kinds.
#[derive(Default)]
struct Counts {
    open: u64,
    /// They occupy no lane, though they weren't asynchronous.
    crossing: u64,
    /// Asynchronous ones without polls.
    unpolled: u64,
}

impl Counts {
    /// Looks at each span once.
    fn of(run: &Run) -> Self {
        let mut has_polls = vec![false; if run.polls.is_empty() { 0 } else { run.spans.len() }];
        run.polls.iter().for_each(|poll| has_polls[poll.span as usize] = true);
        let mut counts = Self::default();
        for (at, span) in run.spans.iter().enumerate() {
            counts.open += u64::from(span.open);
            if span.polled {
                counts.unpolled += u64::from(!has_polls.get(at).is_some_and(|has| *has));
            } else if !span.nested {
                counts.crossing += u64::from(run.lanes[span.lane as usize].is_known());
            }
        }
        counts
    }
}
