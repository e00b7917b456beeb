//! The spans as columns.
//!
//! The data begin with the length of a header (4 bytes, little-endian), then the header as JSON, then the columns one after the
//! other, in the order of the header's `columns`: pairs of a name and a length in bytes. `insight/web/src/data.ts` reads them.
//!
//! A *number* is an LEB128 varint. A *difference* is a number in zigzag form, relative to the value before it in the column. Spans
//! are in the order of the rows, and by start within a row; an index of a span counts in that order. An index that may be absent is
//! stored plus one, with 0 for none. The first column of times of a row's bars has the gap to the end of the bar before it in the
//! row, as a difference; the first bar's gap counts from the header's `base`. Ids are 8 bytes, little-endian: the wrapping
//! difference to the id before. Heirloom's ids count up on each thread, so that gzip makes little of them; random ones stay as they
//! are.

use super::codes;
use super::column::{Column, Times};
use super::flame;
use super::index::{self, Ids};
use super::layout::Layout;
use super::row::{Owner, Row};
use crate::analysis::{Analysis, Step};
use crate::model::{Run, SpanIx};
use serde_json::json;
use std::collections::HashMap;
use std::io::{self, Write};

/// Writes header and columns.
pub(super) fn write(run: &Run, analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    let levels = index::levels(run);
    let layout = Layout::of(run);
    let ids = Ids::of(run);
    let base = run.spans.iter().map(|span| span.start).chain([run.window.start]).min().unwrap_or(0);
    let mut new = vec![0; run.spans.len()];
    for (at, span) in layout.rows.iter().flat_map(|row| &row.spans).enumerate() {
        new[*span as usize] = at as u32;
    }
    let mut table = Table { run, base, new, columns: Vec::new() };
    table.rows(&layout.rows);
    table.spans(&layout.rows);
    table.sparse(&layout.rows);
    table.polls(&layout.rows);
    table.waits(&layout.rows);
    table.strands(&layout.rows);
    table.fans();
    table.stages();
    let because = table.paths(analysis, &ids);
    table.flame(&flame::nodes(run, analysis, &levels, &layout.own, &ids));
    let columns: Vec<_> = table.columns.iter().map(|(name, bytes)| (name, bytes.len())).collect();
    let header = json!({
        "version": 1,
        "program": run.program,
        "base": base.to_string(),
        "from": run.window.start - base,
        "to": run.window.end.saturating_sub(base),
        "cpus": run.machine.cpus,
        "cores": run.machine.cores,
        "spans": run.spans.len(),
        "processes": run.processes.iter().map(|process| (process.pid, &*process.name)).collect::<Vec<_>>(),
        "lanes": run.lanes.iter().map(|lane| json!({
            "process": lane.process,
            "id": lane.thread_id.to_string(),
            "name": &*lane.thread_name,
            "pool": lane.pool.as_ref().map(|pool| (&*pool.name, pool.index, pool.size)),
        })).collect::<Vec<_>>(),
        "names": run.names.iter().map(|name| &**name).collect::<Vec<_>>(),
        "locks": run.locks.iter().map(|lock| (&*lock.name, codes::name_of_lock(lock.kind))).collect::<Vec<_>>(),
        "because": because,
        "columns": columns,
    });
    let header = serde_json::to_vec(&header)?;
    out.write_all(&u32::try_from(header.len()).map_err(|_| too_long())?.to_le_bytes())?;
    out.write_all(&header)?;
    table.columns.iter().try_for_each(|(_, bytes)| out.write_all(bytes))
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the names of the spans are longer than 4 GiB: a report can't have them")
}

struct Table<'a> {
    run: &'a Run,
    base: u64,
    /// The place of each span in the order of the rows.
    new: Vec<u32>,
    columns: Vec<(&'static str, Vec<u8>)>,
}

impl Table<'_> {
    fn add(&mut self, name: &'static str, column: Column) {
        self.columns.push((name, column.bytes));
    }

    /// A span as an index that may be absent.
    fn place(&self, span: Option<SpanIx>) -> u64 {
        span.and_then(|span| self.new.get(span as usize)).map_or(0, |place| u64::from(*place) + 1)
    }

    fn rows(&mut self, rows: &[Row]) {
        let [mut kind, mut of, mut spans, mut polls, mut waits, mut strands] = <[Column; 6]>::default();
        for row in rows {
            let (asynchronous, owner) = match row.owner {
                Owner::Lane(lane) => (0, lane),
                Owner::Asynchronous(process) => (1, process),
            };
            kind.byte(asynchronous);
            of.difference(owner.into());
            spans.number(row.spans.len() as u64);
            polls.number(row.polls.len() as u64);
            waits.number(row.waits.len() as u64);
            strands.number(row.strands.len() as u64);
        }
        self.add("row_kind", kind);
        self.add("row_of", of);
        self.add("row_spans", spans);
        self.add("row_polls", polls);
        self.add("row_waits", waits);
        self.add("row_strands", strands);
    }

    fn spans(&mut self, rows: &[Row]) {
        let mut times = Times::default();
        let [mut name, mut parent, mut id, mut flags, mut fan, mut trace, mut lane] = <[Column; 7]>::default();
        let mut traces = HashMap::new();
        let mut trace_ids = Column::default();
        for row in rows {
            times.row(self.base);
            for span in row.spans.iter().map(|span| &self.run.spans[*span as usize]) {
                times.bar(span.start, span.end);
                name.number(span.name.into());
                parent.difference(self.place(span.parent()));
                id.id(span.id.to_u64());
                flags.byte(
                    u8::from(span.polled)
                        | u8::from(span.nested) << 1
                        | u8::from(span.open) << 2
                        | u8::from(span.error) << 3,
                );
                fan.difference(span.fan().map_or(0, |fan| u64::from(fan) + 1));
                let next = traces.len() as u64;
                trace.difference(*traces.entry(span.trace).or_insert_with(|| {
                    trace_ids.bytes.extend_from_slice(&self.run.trace_of(span).to_bytes());
                    next
                }));
                if matches!(row.owner, Owner::Asynchronous(_)) {
                    lane.difference(span.lane.into());
                }
            }
        }
        self.add("span_gap", times.gap);
        self.add("span_len", times.len);
        self.add("span_name", name);
        self.add("span_parent", parent);
        self.add("span_id", id);
        self.add("span_flags", flags);
        self.add("span_fan", fan);
        self.add("span_trace", trace);
        self.add("async_lane", lane);
        self.add("traces", trace_ids);
    }

    /// What few spans have: pairs of a span and a number.
    fn sparse(&mut self, rows: &[Row]) {
        let [mut items, mut dropped] = <[Column; 2]>::default();
        for ix in rows.iter().flat_map(|row| &row.spans) {
            for (table, column) in [(&self.run.items, &mut items), (&self.run.dropped_children, &mut dropped)] {
                if let Ok(at) = table.binary_search_by_key(ix, |row| row.0) {
                    column.difference(self.new[*ix as usize].into());
                    column.number(table[at].1);
                }
            }
        }
        self.add("items", items);
        self.add("dropped", dropped);
    }

    fn polls(&mut self, rows: &[Row]) {
        let (mut times, mut span) = (Times::default(), Column::default());
        for row in rows {
            times.row(self.base);
            for poll in row.polls.iter().map(|poll| &self.run.polls[*poll as usize]) {
                times.bar(poll.start, poll.end);
                span.difference(self.place(Some(poll.span)));
            }
        }
        self.add("poll_gap", times.gap);
        self.add("poll_len", times.len);
        self.add("poll_span", span);
    }

    fn waits(&mut self, rows: &[Row]) {
        let mut times = Times::default();
        let [mut cause, mut span, mut lock, mut holder, mut releaser] = <[Column; 5]>::default();
        for row in rows {
            times.row(self.base);
            let mut free = 0;
            for wait in row.waits.iter().map(|wait| &self.run.waits[*wait as usize]) {
                let bar = match row.owner {
                    Owner::Lane(_) => wait.blocked(),
                    // A task may await several at once: a bar shows for how long it was the first to end.
                    Owner::Asynchronous(_) => wait.start.max(free).min(wait.end)..wait.end,
                };
                free = bar.end;
                times.bar(bar.start, bar.end);
                cause.byte(codes::number_of_cause(wait.cause));
                span.difference(self.place(wait.span));
                lock.number(wait.lock.map_or(0, |lock| u64::from(lock) + 1));
                holder.difference(self.place(wait.holder));
                releaser.difference(self.place(wait.releaser));
            }
        }
        self.add("wait_gap", times.gap);
        self.add("wait_len", times.len);
        self.add("wait_cause", cause);
        self.add("wait_span", span);
        self.add("wait_lock", lock);
        self.add("wait_holder", holder);
        self.add("wait_releaser", releaser);
    }

    fn strands(&mut self, rows: &[Row]) {
        let (mut times, mut fan) = (Times::default(), Column::default());
        for row in rows {
            times.row(self.base);
            for strand in row.strands.iter().map(|strand| &self.run.strands[*strand as usize]) {
                times.bar(strand.start, strand.end);
                fan.number(strand.fan.into());
            }
        }
        self.add("strand_gap", times.gap);
        self.add("strand_len", times.len);
        self.add("strand_fan", fan);
    }

    fn fans(&mut self) {
        let [mut kind, mut begin, mut join, mut children] = <[Column; 4]>::default();
        begin.start(self.base);
        for fan in &self.run.fans {
            kind.byte(codes::number_of_fan(fan.kind));
            begin.difference(fan.begin);
            join.number(fan.join.map_or(0, |join| join.saturating_sub(fan.begin) + 1));
            children.number(fan.children.len() as u64);
        }
        self.add("fan_kind", kind);
        self.add("fan_begin", begin);
        self.add("fan_join", join);
        self.add("fan_children", children);
    }

    fn stages(&mut self) {
        let mut stages: Vec<_> = self.run.stages.iter().filter(|stage| self.place(Some(stage.span)) > 0).collect();
        stages.sort_by_key(|stage| (self.new[stage.span as usize], stage.at));
        let [mut span, mut kind, mut at] = <[Column; 3]>::default();
        at.start(self.base);
        for stage in stages {
            span.difference(self.new[stage.span as usize].into());
            kind.byte(codes::number_of_stage(stage.kind));
            at.difference(stage.at);
        }
        self.add("stage_span", span);
        self.add("stage_kind", kind);
        self.add("stage_at", at);
    }

    /// The two paths. Returns the texts of `because`.
    fn paths(&mut self, analysis: &Analysis, ids: &Ids) -> Vec<&'static str> {
        let mut because = Vec::new();
        let offset = analysis.start_ns.wrapping_sub(self.base);
        let mut path = |steps: &[Step], names: [&'static str; 5]| {
            let mut times = Times::default();
            let [mut span, mut lane, mut why] = <[Column; 3]>::default();
            for step in steps {
                times.bar(step.from.wrapping_add(offset), step.to.wrapping_add(offset));
                span.difference(self.place(ids.find(&step.span)));
                lane.difference(step.lane.into());
                let known = because.iter().position(|text| *text == step.because);
                why.byte(known.unwrap_or_else(|| {
                    because.push(step.because);
                    because.len() - 1
                }) as u8);
            }
            self.columns.extend(names.into_iter().zip([times.gap, times.len, span, lane, why].map(|c| c.bytes)));
        };
        path(
            &analysis.critical_path,
            ["critical_gap", "critical_len", "critical_span", "critical_lane", "critical_because"],
        );
        path(
            &analysis.observed_path,
            ["observed_gap", "observed_len", "observed_span", "observed_lane", "observed_because"],
        );
        because
    }

    fn flame(&mut self, nodes: &[flame::Node]) {
        let [mut parent, mut name, mut count, mut own, mut critical, mut longest] = <[Column; 6]>::default();
        for node in nodes {
            parent.number(node.parent.map_or(0, |parent| u64::from(parent) + 1));
            name.number(node.name.into());
            count.number(node.count);
            own.number(node.own);
            critical.number(node.critical);
            longest.number(self.new[node.longest as usize].into());
        }
        self.add("flame_parent", parent);
        self.add("flame_name", name);
        self.add("flame_count", count);
        self.add("flame_own", own);
        self.add("flame_critical", critical);
        self.add("flame_longest", longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::column::tests::numbers;
    use crate::model::WaitCause;
    use crate::testing::Kit;

    /// A column of what `write` wrote.
    fn column(data: &[u8], wanted: &str) -> Vec<u8> {
        let length = u32::from_le_bytes(data[..4].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&data[4..4 + length]).unwrap();
        let mut at = 4 + length;
        for column in header["columns"].as_array().unwrap() {
            let size = column[1].as_u64().unwrap() as usize;
            if column[0] == wanted {
                return data[at..at + size].to_vec();
            }
            at += size;
        }
        panic!("there is no column {wanted}");
    }

    #[test]
    fn ids_that_count_up_are_small_and_random_ones_are_whole() {
        let mut kit = Kit::new();
        let lane = kit.lane("main");
        for (n, id) in [7, 8, 9, 0xdead_beef_dead_beef, 1].into_iter().enumerate() {
            let span = kit.span(lane, "s", None, n as u64 * 10..n as u64 * 10 + 5);
            kit.span_mut(span).id = heirloom_core::SpanId::from_u64(id);
        }
        let mut data = Vec::new();
        write(&kit.run(), &Analysis::default(), &mut data).unwrap();
        let ids: Vec<u64> =
            column(&data, "span_id").chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap())).collect();
        assert_eq!(ids[..3], [7, 1, 1]);
        let mut sum = 0u64;
        let read: Vec<u64> = ids
            .iter()
            .map(|id| {
                sum = sum.wrapping_add(*id);
                sum
            })
            .collect();
        assert_eq!(read, [7, 8, 9, 0xdead_beef_dead_beef, 1]);
        assert_eq!(numbers(&column(&data, "span_len")), [5; 5]);
    }

    #[test]
    fn awaits_of_one_task_dont_overlap() {
        let mut kit = Kit::new();
        let worker = kit.lane("worker");
        let task = kit.polled("task", None, &[(worker, 0..10), (worker, 90..100)]);
        kit.wait(WaitCause::Await, worker, Some(task), 5..91);
        kit.wait(WaitCause::Await, worker, Some(task), 6..50);
        let mut data = Vec::new();
        write(&kit.run(), &Analysis::default(), &mut data).unwrap();
        assert_eq!(numbers(&column(&data, "wait_cause")), [11, 11]);
        assert_eq!(numbers(&column(&data, "wait_len")), [50 - 6, 91 - 50]);
    }

    /// Spans before the window, and such that end before they start, keep their starts.
    #[test]
    fn odd_times_are_written() {
        let mut kit = Kit::new();
        let lane = kit.lane("main");
        let early = kit.span(lane, "early", None, 100..110);
        kit.span(lane, "late", None, 500..600);
        kit.span_mut(early).end = 50;
        let mut run = kit.run();
        run.window = std::ops::Range { start: 400, end: 300 };
        let mut data = Vec::new();
        write(&run, &Analysis::default(), &mut data).unwrap();
        assert_eq!(numbers(&column(&data, "span_len")), [0, 100]);
        // The gap before the first is 0, as the base is its start.
        assert_eq!(numbers(&column(&data, "span_gap")), [0, 400 << 1]);
    }
}
