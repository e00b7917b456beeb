//! [`Raw`]: what was read, before references are resolved.

use super::aborts::Aborts;
use super::names::Names;
use super::traces::Traces;
use crate::model::{Machine, Span};
use heirloom_core::{SpanId, Status, TraceId};
use std::collections::HashMap;
use std::sync::Arc;

/// The tables of a [`Builder`](super::Builder), in the order of the input. A span takes 56 bytes, a trace up to 32.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw {
    pub(super) processes: Vec<ProcessKey>,
    process_numbers: HashMap<ProcessKey, u32>,
    /// The process and the lane that were asked for last: many spans in a row have one.
    last_process: u32,
    last_lane: u32,
    pub(super) lanes: Vec<RawLane>,
    lane_numbers: HashMap<(u32, u64), u32>,
    pub(super) names: Names,
    pub(super) traces: Traces,
    /// Without parents and fan-outs.
    pub(super) spans: Vec<Span>,
    /// The ids of the parents, 0 for a root.
    pub(super) parents: Vec<u64>,
    /// Span and fan-out, for spans that have one, by span.
    pub(super) fans: Vec<(u32, u64)>,
    /// The same, with numbers of items.
    pub(super) items: Vec<(u32, u64)>,
    /// The same, with numbers of spans below that are missing.
    pub(super) dropped_children: Vec<(u32, u64)>,
    pub(super) aborts: Aborts,
    pub(super) marks: Vec<RawMark>,
    /// Texts of marks.
    pub(super) texts: Names,
    pub(super) machine: Machine,
    /// The name of a file, for a program without a name.
    pub(super) file: Option<String>,
    pub(super) faults: Faults,
}

/// What a process is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ProcessKey {
    pub(super) pid: u32,
    pub(super) name: Arc<str>,
    /// `service.instance.id` and `host.name`: processes of several machines may have one number.
    pub(super) place: Arc<str>,
}

/// A thread.
#[derive(Clone, Debug)]
pub(super) struct RawLane {
    pub(super) process: u32,
    pub(super) thread_id: u64,
    pub(super) name: Arc<str>,
}

/// A mark, as it was recorded. The meaning of `a` to `d` depends on the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RawMark {
    /// The number of its `MarkKind`.
    pub(super) kind: u8,
    pub(super) time: u64,
    pub(super) length: u64,
    pub(super) span: u64,
    pub(super) a: u64,
    pub(super) b: u64,
    pub(super) c: u64,
    pub(super) d: u64,
    pub(super) lane: u32,
    /// An index into the texts, or [`NO_TEXT`].
    pub(super) text: u32,
}

/// The text of a mark without one.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// What was wrong with the input.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// Sentences about files.
    pub(super) files: Vec<String>,
    /// Spans that end before they start.
    pub(super) backward: u64,
    /// Spans without an end.
    pub(super) without_end: u64,
    /// Spans without `thread.id`.
    pub(super) without_lane: u64,
    /// Marks that can't be read.
    pub(super) marks: u64,
    /// Spans beyond the bound of a [`Builder`](super::Builder), and marks.
    pub(super) beyond: u64,
    pub(super) marks_beyond: u64,
}

/// A span of any input.
pub(super) struct NewSpan<'a> {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: &'a str,
    pub(super) lane: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    /// The status, if its process died while it was open.
    pub(super) aborted: Option<&'a Status>,
    pub(super) facts: Facts,
}

/// What else is known of a span.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// The id of its fan-out.
    pub(super) fan: Option<u64>,
    pub(super) items: Option<u64>,
    /// It was not on its lane for its whole time.
    pub(super) left_lane: bool,
    pub(super) polled: bool,
    pub(super) open: bool,
    pub(super) error: bool,
    pub(super) dropped_children: u64,
}

impl Raw {
    pub(super) fn process(&mut self, key: ProcessKey) -> u32 {
        if self.processes.get(self.last_process as usize).is_some_and(|last| *last == key) {
            return self.last_process;
        }
        self.last_process = self.process_number(key);
        self.last_process
    }

    fn process_number(&mut self, key: ProcessKey) -> u32 {
        if let Some(known) = self.process_numbers.get(&key) {
            return *known;
        }
        let number = self.processes.len() as u32;
        self.processes.push(key.clone());
        self.process_numbers.insert(key, number);
        number
    }

    /// The lane of a thread. If it had several names, the last one in alphabetical order is kept.
    pub(super) fn lane(&mut self, process: u32, thread_id: u64, name: &str) -> u32 {
        let is_last = |lane: &RawLane| (lane.process, lane.thread_id, &*lane.name) == (process, thread_id, name);
        if !self.lanes.get(self.last_lane as usize).is_some_and(is_last) {
            self.last_lane = self.lane_number(process, thread_id, name);
        }
        self.last_lane
    }

    fn lane_number(&mut self, process: u32, thread_id: u64, name: &str) -> u32 {
        match self.lane_numbers.get(&(process, thread_id)) {
            Some(known) => {
                let lane = &mut self.lanes[*known as usize];
                if *lane.name < *name {
                    lane.name = name.into();
                }
                *known
            }
            None => {
                let number = self.lanes.len() as u32;
                self.lanes.push(RawLane { process, thread_id, name: name.into() });
                self.lane_numbers.insert((process, thread_id), number);
                number
            }
        }
    }

    /// Adds a span. One that ends before its start gets no length.
    pub(super) fn span(&mut self, new: NewSpan<'_>) {
        let NewSpan { trace, id, parent, name, lane, start, end, aborted, facts } = new;
        let name = self.names.number(name);
        self.faults.without_end += u64::from(end == 0 && start != 0);
        self.faults.backward += u64::from(end < start && end != 0);
        let at = self.spans.len() as u32;
        self.fans.extend(facts.fan.map(|fan| (at, fan)));
        self.items.extend(facts.items.map(|items| (at, items)));
        if facts.dropped_children > 0 {
            self.dropped_children.push((at, facts.dropped_children));
        }
        if let Some(status) = aborted {
            self.aborts.add(at, status);
        }
        self.parents.push(parent.map_or(0, SpanId::to_u64));
        let mut span = Span::new(id, name, lane, start..end.max(start));
        span.trace = self.traces.number(trace);
        (span.nested, span.polled) = (!facts.left_lane && !facts.polled, facts.polled);
        (span.open, span.error) = (facts.open || aborted.is_some() || (end == 0 && start != 0), facts.error);
        self.spans.push(span);
    }

    /// Adds a mark, unless there are `max`.
    pub(super) fn mark(&mut self, mark: RawMark, max: usize) {
        if self.marks.len() < max {
            self.marks.push(mark);
        } else {
            self.faults.marks_beyond += 1;
        }
    }

    /// What the resource says of the machine. The largest numbers count.
    pub(super) fn machine(&mut self, cpus: Option<f64>, cores: Option<u32>) {
        let usable = cpus.filter(|cpus| cpus.is_finite() && *cpus > 0.0);
        self.machine.cpus = match (self.machine.cpus, usable) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.machine.cores = self.machine.cores.max(cores.filter(|cores| *cores > 0));
    }

    /// Adds all of another input.
    pub(super) fn absorb(&mut self, other: Raw) {
        let processes: Vec<u32> = other.processes.iter().map(|key| self.process(key.clone())).collect();
        let lane = |lane: &RawLane| self.lane(processes[lane.process as usize], lane.thread_id, &lane.name);
        let lanes: Vec<u32> = other.lanes.iter().map(lane).collect();
        let (names, texts) = (self.names.absorb(&other.names), self.texts.absorb(&other.texts));
        let traces = self.traces.absorb(&other.traces);
        let first = self.spans.len() as u32;
        self.spans.extend(other.spans.into_iter().map(|mut span| {
            span.lane = lanes[span.lane as usize];
            span.name = names[span.name as usize];
            span.trace = traces[span.trace as usize];
            span
        }));
        self.parents.extend(other.parents);
        let here = |row: (u32, u64)| (first + row.0, row.1);
        self.fans.extend(other.fans.into_iter().map(here));
        self.items.extend(other.items.into_iter().map(here));
        self.dropped_children.extend(other.dropped_children.into_iter().map(here));
        self.aborts.absorb(other.aborts, first);
        self.marks.extend(other.marks.into_iter().map(|mark| RawMark {
            lane: lanes[mark.lane as usize],
            text: if mark.text == NO_TEXT { NO_TEXT } else { texts[mark.text as usize] },
            ..mark
        }));
        self.machine(other.machine.cpus, other.machine.cores);
        self.file = self.file.take().into_iter().chain(other.file).min();
        self.faults.absorb(other.faults);
    }

    /// Removes these spans, sorted.
    pub(super) fn remove(&mut self, spans: &[u32]) {
        let mut places = Vec::with_capacity(self.spans.len());
        let (mut gone, mut kept) = (spans.iter().peekable(), 0);
        for span in 0..self.spans.len() as u32 {
            let is_gone = gone.next_if(|gone| **gone == span).is_some();
            places.push((!is_gone).then_some(kept));
            kept += u32::from(!is_gone);
        }
        let is_kept = |at: &mut usize| {
            *at += 1;
            places[*at - 1].is_some()
        };
        let (mut span, mut parent) = (0, 0);
        self.spans.retain(|_| is_kept(&mut span));
        self.parents.retain(|_| is_kept(&mut parent));
        self.aborts.renumber(&places);
        for table in [&mut self.fans, &mut self.items, &mut self.dropped_children] {
            *table = table.iter().filter_map(|(span, number)| Some((places[*span as usize]?, *number))).collect();
        }
    }
}

impl Faults {
    fn absorb(&mut self, other: Faults) {
        self.files.extend(other.files);
        self.backward += other.backward;
        self.without_end += other.without_end;
        self.without_lane += other.without_lane;
        self.marks += other.marks;
        self.beyond += other.beyond;
        self.marks_beyond += other.marks_beyond;
    }
}
