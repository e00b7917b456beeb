//! The results through serde: a struct is a map of its fields, a variant is its name in snake case.
//!
//! Written out: serde's derive, and the parser of Rust that it needs, would be a seventh of a first build.

use crate::analysis::{
    Analysis, Blame, Bucket, Cause, Change, Evidence, Finding, Lane, Lock, Lost, Name, Note, Point, Step, Task, Totals,
    WhatIf,
};
use crate::html::{self, Compared, Comparison, Figure, Verdict};
use crate::model::NoteKind;
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// Without `..`, so that a new field doesn't compile until it is here too.
macro_rules! fields {
    ($($type:ty = $name:literal { $($field:ident),* })*) => {
        $(impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self { $($field),* } = self;
                let mut out = serializer.serialize_struct($name, [$(stringify!($field)),*].len())?;
                $(out.serialize_field(stringify!($field), $field)?;)*
                out.end()
            }
        })*
    };
}

macro_rules! variants {
    ($($type:ident { $($variant:ident = $text:literal),* })*) => {
        $(impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text = match self {
                    $(Self::$variant => $text),*
                };
                serializer.serialize_unit_variant(stringify!($type), *self as u32, text)
            }
        })*
    };
}

fields! {
    Analysis = "Analysis" {
        version, program, start_ns, sentences, notes, totals, lost, lanes, utilisation, names, locks, tasks, critical_path,
        observed_path, curve, what_ifs, findings
    }
    Note = "Note" { kind, text }
    Totals = "Totals" {
        wall_ns, cpus, cores, lanes, capacity_lanes, capacity_ns, work_ns, lost_ns, untraced_ns, others_ns, page_faults, tracing_ns,
        critical_ns, parallelism, busy_lanes, spans, dropped, open, speed_up
    }
    Lost = "Lost" { cause, ns, blamed }
    Blame = "Blame" { name, lock, ns, spans }
    Lane = "Lane" {
        pid, process, thread_id, thread, pool, working_ns, lock_ns, join_ns, queue_ns, idle_ns, cpu_ns, run_queue_ns, untraced_ns,
        strip
    }
    Bucket = "Bucket" { working, lock, waiting, capacity }
    Name = "Name" {
        name, count, total_ns, own_ns, critical_ns, mean_ns, median_ns, p99_ns, max_ns, slowest, inflation, by_busy, by_lanes,
        histogram
    }
    Lock = "Lock" { name, kind, acquisitions, hand_offs, waits, wait_ns, max_wait_ns, held_ns, max_hold_ns, holders }
    Task = "Task" {
        name, count, busy_ns, ready_ns, idle_ns, median_ns, p99_ns, polls, long_polls, long_poll_ns, median_long_poll_ns,
        max_poll_ns, spans
    }
    Step = "Step" { span, name, lane, from, to, because }
    Point = "Point" { lanes, ns, lower_ns, upper_ns, beyond }
    Finding = "Finding" { cause, text, gain_ns, gain, noise, what_if, evidence }
    Evidence = "Evidence" { label, value, spans }
    Comparison = "Comparison" { sentences, sides, figures, names }
    Compared = "Compared" { runs, file }
    Figure = "Figure" { label, a_ns, b_ns, change, interval, verdict }
    html::Name = "Name" { counts, own, median }
}

variants! {
    Cause {
        Serial = "serial", Straggler = "straggler", Lock = "lock", EmptyQueue = "empty_queue", FullQueue = "full_queue",
        Dispatch = "dispatch", SmallChunks = "small_chunks", BuriedJoin = "buried_join", BlockedExecutor = "blocked_executor",
        OffCpu = "off_cpu", StartUp = "start_up", Machine = "machine", Untraced = "untraced", Tracing = "tracing",
        Unexplained = "unexplained"
    }
    NoteKind {
        Dropped = "dropped", Open = "open", Untraced = "untraced", Busy = "busy", Guessed = "guessed", Missing = "missing",
        Damaged = "damaged"
    }
    Verdict { More = "more", Less = "less", Noise = "noise", Unknown = "unknown" }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        change(self, &mut out)?;
        out.end()
    }
}

/// With the entries of its change.
impl Serialize for WhatIf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { change: of, ns, lower_ns, upper_ns, curve } = self;
        let mut out = serializer.serialize_map(None)?;
        change(of, &mut out)?;
        out.serialize_entry("ns", ns)?;
        out.serialize_entry("lower_ns", lower_ns)?;
        out.serialize_entry("upper_ns", upper_ns)?;
        out.serialize_entry("curve", curve)?;
        out.end()
    }
}

/// The entries of a change: its kind, then its fields.
fn change<M: SerializeMap>(change: &Change, out: &mut M) -> Result<(), M::Error> {
    match change {
        Change::Faster { name, factor } => {
            out.serialize_entry("kind", "faster")?;
            out.serialize_entry("name", name)?;
            out.serialize_entry("factor", factor)
        }
        Change::WithoutLock { lock } => {
            out.serialize_entry("kind", "without_lock")?;
            out.serialize_entry("lock", lock)
        }
        Change::Finer { name, pieces } => {
            out.serialize_entry("kind", "finer")?;
            out.serialize_entry("name", name)?;
            out.serialize_entry("pieces", pieces)
        }
        Change::Lanes { lanes } => {
            out.serialize_entry("kind", "lanes")?;
            out.serialize_entry("lanes", lanes)
        }
        Change::SpawnBlocking { name } => {
            out.serialize_entry("kind", "spawn_blocking")?;
            out.serialize_entry("name", name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    /// `OffCpu` as `off_cpu`.
    fn snake(variant: &str) -> String {
        let mut text = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.extend(letter.to_lowercase());
        }
        text
    }

    #[test]
    fn a_variant_is_its_name_in_snake_case() {
        use {Cause::*, NoteKind::*, Verdict::*};
        let causes = [
            Serial,
            Straggler,
            Cause::Lock,
            EmptyQueue,
            FullQueue,
            Dispatch,
            SmallChunks,
            BuriedJoin,
            BlockedExecutor,
            OffCpu,
            StartUp,
            Machine,
            Cause::Untraced,
            Tracing,
            Unexplained,
        ];
        let notes = [Dropped, Open, NoteKind::Untraced, Busy, Guessed, Missing, Damaged];
        let verdicts = [More, Less, Noise, Unknown];
        causes.iter().for_each(|cause| assert_eq!(to_value(cause).unwrap(), snake(&format!("{cause:?}"))));
        notes.iter().for_each(|kind| assert_eq!(to_value(kind).unwrap(), snake(&format!("{kind:?}"))));
        verdicts.iter().for_each(|verdict| assert_eq!(to_value(verdict).unwrap(), snake(&format!("{verdict:?}"))));
    }

    #[test]
    fn a_change_has_its_kind_and_fields() {
        let changes = [
            Change::Faster { name: "a".into(), factor: 2.0 },
            Change::WithoutLock { lock: "b".into() },
            Change::Finer { name: "c".into(), pieces: 3 },
            Change::Lanes { lanes: 4 },
            Change::SpawnBlocking { name: "d".into() },
        ];
        let expected = json!([
            { "kind": "faster", "name": "a", "factor": 2.0 },
            { "kind": "without_lock", "lock": "b" },
            { "kind": "finer", "name": "c", "pieces": 3 },
            { "kind": "lanes", "lanes": 4 },
            { "kind": "spawn_blocking", "name": "d" },
        ]);
        assert_eq!(to_value(changes).unwrap(), expected);
    }

    #[test]
    fn a_prediction_has_the_entries_of_its_change_and_its_times() {
        let change = Change::Lanes { lanes: 4 };
        let curve = vec![Point { lanes: 1, ns: 9, lower_ns: 8, upper_ns: 10, beyond: true }];
        let text = serde_json::to_string(&WhatIf { change, ns: 5, lower_ns: 3, upper_ns: 7, curve }).unwrap();
        let curve = r#"[{"lanes":1,"ns":9,"lower_ns":8,"upper_ns":10,"beyond":true}]"#;
        assert_eq!(text, format!(r#"{{"kind":"lanes","lanes":4,"ns":5,"lower_ns":3,"upper_ns":7,"curve":{curve}}}"#));
    }
}
