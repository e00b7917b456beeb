//! The parts of a report.

use super::lane_names;
use super::lanes;
use super::layout::{heading, paragraph, printable, table, Column};
use super::units::{count, counted, duration, percent, share, three};
use super::width;
use crate::analysis::{Analysis, Blame, Cause, Finding, Name, Point};
use std::collections::BTreeSet;

/// The width to which the name of a lane is cut, so that the name of its span has room beside it.
const LANE_WIDTH: usize = 20;

/// At most so many rows of a table are shown.
const ROWS: usize = 12;

/// How a [`report`] begins: the three sentences, what weakens them, and lost time by cause. At most 80 columns wide.
#[must_use]
pub fn summary(analysis: &Analysis) -> String {
    let mut out = String::new();
    for sentence in &analysis.sentences {
        paragraph(&mut out, "", sentence);
    }
    notes(&mut out, analysis);
    causes(&mut out, analysis);
    out
}

/// The whole report, at most 80 columns wide.
#[must_use]
pub fn report(analysis: &Analysis) -> String {
    report_of(analysis, width::FEWEST)
}

/// The whole report. What lanes did over time has as many columns as are given, from 80 to 160; all else has 80.
///
/// ```
/// # let analysis = heirloom_insight::analysis::Analysis::default();
/// use heirloom_insight::text::{report_of, width};
/// print!("{}", report_of(&analysis, width::of_stdout()));
/// ```
#[must_use]
pub fn report_of(analysis: &Analysis, columns: usize) -> String {
    let mut out = summary(analysis);
    findings(&mut out, analysis);
    over_time(&mut out, analysis, width::bounded(columns));
    let parts: [fn(&mut String, &Analysis); 6] = [names, by_lanes, locks, tasks, path, curve];
    for part in parts {
        part(&mut out, analysis);
    }
    totals(&mut out, analysis);
    out
}

/// The analysis as JSON, on one line.
///
/// # Errors
///
/// `serde_json` knows no error for this type; its signature has one.
pub fn json(analysis: &Analysis) -> serde_json::Result<String> {
    serde_json::to_string(analysis)
}

fn notes(out: &mut String, analysis: &Analysis) {
    if analysis.notes.is_empty() {
        return;
    }
    heading(out, "What weakens this");
    for note in &analysis.notes {
        paragraph(out, "  - ", &note.text);
    }
}

/// A cause as words.
#[must_use]
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Serial => "one thread ran alone",
        Cause::Straggler => "only the last pieces ran",
        Cause::Lock => "waiting for a lock",
        Cause::EmptyQueue => "waiting for a message",
        Cause::FullQueue => "waiting for room in a queue",
        Cause::Dispatch => "work was ready, lanes were idle",
        Cause::SmallChunks => "chunks too small",
        Cause::BuriedJoin => "ready joins below stolen work",
        Cause::BlockedExecutor => "polls blocked the executor",
        Cause::OffCpu => "lanes busy off the CPU",
        Cause::StartUp => "not started, or ended",
        Cause::Machine => "no free core",
        Cause::Untraced => "work outside of spans",
        Cause::Tracing => "recording",
        Cause::Unexplained => "unexplained",
    }
}

/// The two names that most is charged to. Several threads may have one name.
fn blamed(all: &[Blame]) -> String {
    let mut names = Vec::new();
    for blame in all.iter().filter(|blame| !blame.name.is_empty()) {
        let name = match &blame.lock {
            Some(lock) => format!("{} ({lock})", blame.name),
            None => blame.name.clone(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(2);
    names.join(", ")
}

fn causes(out: &mut String, analysis: &Analysis) {
    let totals = &analysis.totals;
    if totals.capacity_ns == 0 {
        return;
    }
    heading(out, "Where the capacity went");
    let row = |what: &str, ns: u64, blamed: String| {
        vec![duration(ns), percent(share(ns, totals.capacity_ns)), what.to_owned(), blamed]
    };
    let mut rows = vec![row("work", totals.work_ns, String::new())];
    for lost in analysis.lost.iter().filter(|lost| lost.ns > 0) {
        rows.push(row(cause(lost.cause), lost.ns, blamed(&lost.blamed)));
    }
    table(out, &[Column::Right, Column::Right, Column::LeftFixed, Column::Left], &rows);
}

fn findings(out: &mut String, analysis: &Analysis) {
    if analysis.findings.is_empty() {
        return;
    }
    heading(out, "Findings, by the gain from less lost time");
    let (noise, real): (Vec<&Finding>, Vec<&Finding>) = analysis.findings.iter().partition(|finding| finding.noise);
    for (ix, finding) in real.iter().enumerate().take(ROWS) {
        paragraph(out, &format!("{:3}. ", ix + 1), &finding.text);
        evidence(out, finding);
    }
    if !noise.is_empty() {
        let mut causes: Vec<&str> = noise.iter().map(|finding| cause(finding.cause)).collect();
        let mut seen = BTreeSet::new();
        causes.retain(|cause| seen.insert(*cause));
        paragraph(out, "  ", &format!("Noise, with next to no gain: {}.", causes.join("; ")));
    }
}

fn evidence(out: &mut String, finding: &Finding) {
    for row in &finding.evidence {
        let spans = row.spans.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        let spans = if spans.is_empty() { spans } else { format!(" [{spans}]") };
        paragraph(out, "     - ", &format!("{}: {}{spans}", row.label, row.value));
    }
}

fn over_time(out: &mut String, analysis: &Analysis, columns: usize) {
    if analysis.lanes.is_empty() || analysis.totals.capacity_ns == 0 {
        return;
    }
    heading(out, "Lanes");
    lanes::utilisation(out, analysis, columns);
    lanes::lanes(out, analysis, columns);
}

fn names(out: &mut String, analysis: &Analysis) {
    if analysis.names.is_empty() {
        return;
    }
    heading(out, "Spans by name");
    let mut rows =
        vec![["name", "count", "own time", "critical", "median", "longest", "inflation"].map(str::to_owned).to_vec()];
    for name in analysis.names.iter().take(ROWS) {
        rows.push(vec![
            name.name.clone(),
            count(name.count),
            duration(name.own_ns),
            duration(name.critical_ns),
            duration(name.median_ns),
            duration(name.max_ns),
            name.inflation.map_or_else(String::new, |times| format!("{} x", three((times * 100.0).round() / 100.0))),
        ]);
    }
    let figures = [Column::Right; 6];
    table(out, &[&[Column::Left][..], &figures].concat(), &rows);
    more(out, analysis.names.len());
}

/// Mean times of spans in runs on several numbers of lanes.
fn by_lanes(out: &mut String, analysis: &Analysis) {
    /// So many numbers of lanes fit a line.
    const NUMBERS: usize = 5;
    let of_names = analysis.names.iter().filter(|name| name.by_lanes.len() > 1);
    let compared: Vec<&Name> = of_names.collect();
    let lanes: BTreeSet<u32> = compared.iter().flat_map(|name| &name.by_lanes).map(|(lanes, _)| *lanes).collect();
    let lanes: Vec<u32> = lanes.into_iter().collect();
    let (Some(fewest), skipped) = (lanes.first(), lanes.len().saturating_sub(NUMBERS)) else { return };
    let shown: Vec<u32> = std::iter::once(*fewest).chain(lanes[1..].iter().copied().skip(skipped)).collect();
    heading(out, "Mean time of a span, by the lanes of the run");
    let numbers = shown.iter().map(|lanes| count(u64::from(*lanes)));
    let mut rows = vec![std::iter::once("name".to_owned()).chain(numbers).chain([String::new()]).collect::<Vec<_>>()];
    for name in compared.iter().take(ROWS) {
        let mean = |lanes: &u32| name.by_lanes.iter().find(|(of, _)| of == lanes).map(|(_, mean)| *mean);
        let means = shown.iter().map(|lanes| mean(lanes).map_or_else(String::new, duration));
        let ends = name.by_lanes.first().zip(name.by_lanes.last()).filter(|((_, before), _)| *before > 0);
        let times = ends.map(|((_, before), (_, after))| *after as f64 / *before as f64);
        let times = times.map_or_else(String::new, |times| format!("{} x", three((times * 100.0).round() / 100.0)));
        rows.push(std::iter::once(name.name.clone()).chain(means).chain([times]).collect());
    }
    table(out, &[&[Column::Left][..], &vec![Column::Right; shown.len() + 1]].concat(), &rows);
    more(out, compared.len());
}

fn more(out: &mut String, all: usize) {
    if all > ROWS {
        out.push_str(&format!("  and {} more\n", count((all - ROWS) as u64)));
    }
}

fn locks(out: &mut String, analysis: &Analysis) {
    let used: Vec<_> = analysis.locks.iter().filter(|lock| lock.waits > 0).collect();
    if used.is_empty() {
        return;
    }
    heading(out, "Locks and channels");
    let mut rows =
        vec![["name", "kind", "used", "waits", "waited", "longest", "held", "longest"].map(str::to_owned).to_vec()];
    for lock in used.iter().take(ROWS) {
        rows.push(vec![
            lock.name.clone(),
            lock.kind.clone(),
            count(lock.acquisitions),
            count(lock.waits),
            duration(lock.wait_ns),
            duration(lock.max_wait_ns),
            duration(lock.held_ns),
            duration(lock.max_hold_ns),
        ]);
    }
    let figures = [Column::Right; 6];
    table(out, &[&[Column::Left, Column::LeftFixed][..], &figures].concat(), &rows);
    more(out, used.len());
}

fn tasks(out: &mut String, analysis: &Analysis) {
    if analysis.tasks.is_empty() {
        return;
    }
    heading(out, "Asynchronous spans and jobs");
    let mut rows = vec![["name", "count", "busy", "ready", "idle", "p99", "long polls"].map(str::to_owned).to_vec()];
    for task in analysis.tasks.iter().take(ROWS) {
        rows.push(vec![
            task.name.clone(),
            count(task.count),
            duration(task.busy_ns),
            duration(task.ready_ns),
            duration(task.idle_ns),
            duration(task.p99_ns),
            count(task.long_polls),
        ]);
    }
    let figures = [Column::Right; 6];
    table(out, &[&[Column::Left][..], &figures].concat(), &rows);
    more(out, analysis.tasks.len());
}

fn path(out: &mut String, analysis: &Analysis) {
    let totals = &analysis.totals;
    if analysis.critical_path.is_empty() {
        return;
    }
    let parallelism =
        if totals.work_ns > 0 { format!(", parallelism {}", three(totals.parallelism)) } else { String::new() };
    heading(out, &format!("Critical path: {}{parallelism}", duration(totals.critical_ns)));
    let lanes = lane_names::names(&analysis.lanes, LANE_WIDTH);
    let mut rows = Vec::new();
    for step in analysis.critical_path.iter().take(ROWS) {
        let lane = lanes.get(step.lane as usize).map_or("", String::as_str);
        rows.push(vec![
            duration(step.from),
            duration(step.to - step.from),
            step.because.to_owned(),
            step.name.clone(),
            lane.to_owned(),
        ]);
    }
    let columns = [Column::Right, Column::Right, Column::LeftFixed, Column::Left, Column::LeftFixed];
    let heads = ["at", "for", "after", "span", "lane"].map(str::to_owned).to_vec();
    table(out, &columns, &[vec![heads], rows].concat());
    more(out, analysis.critical_path.len());
}

fn curve(out: &mut String, analysis: &Analysis) {
    const SHOWN: [u32; 8] = [1, 2, 4, 8, 16, 32, 48, 64];
    let points: Vec<&Point> = analysis.curve.iter().filter(|point| SHOWN.contains(&point.lanes)).collect();
    if points.is_empty() {
        return;
    }
    heading(out, "Predicted time by lanes");
    let mut rows = vec![["lanes", "time", "at least", "at most", ""].map(str::to_owned).to_vec()];
    for point in &points {
        rows.push(vec![
            count(u64::from(point.lanes)),
            duration(point.ns),
            duration(point.lower_ns),
            duration(point.upper_ns),
            if point.beyond { "beyond what was measured".to_owned() } else { String::new() },
        ]);
    }
    table(out, &[Column::Right, Column::Right, Column::Right, Column::Right, Column::LeftFixed], &rows);
}

fn totals(out: &mut String, analysis: &Analysis) {
    let totals = &analysis.totals;
    let mut parts = vec![counted(totals.spans, "span", "spans"), counted(u64::from(totals.lanes), "lane", "lanes")];
    if totals.cpus > 0.0 {
        let cpus = three(totals.cpus);
        parts.push(format!("{cpus} usable {}", if cpus == "1" { "CPU" } else { "CPUs" }));
    }
    if totals.cores > 0 {
        parts.push(counted(u64::from(totals.cores), "physical core", "physical cores"));
    }
    if let Some(faults) = totals.page_faults.filter(|faults| *faults > 0) {
        parts.push(format!("{} (minor and major)", counted(faults, "page fault", "page faults")));
    }
    if totals.dropped > 0 {
        parts.push(format!("{} missing", count(totals.dropped)));
    }
    if totals.open > 0 {
        parts.push(format!("{} without an end", count(totals.open)));
    }
    if totals.tracing_ns > 0 {
        parts.push(format!("{} of recording", duration(totals.tracing_ns)));
    }
    out.push('\n');
    paragraph(out, "", &format!("{}: {}.", printable(&analysis.program), parts.join(", ")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_names_are_blamed_for_a_cause() {
        let blame = |name: &str, lock: Option<&str>| Blame {
            name: name.to_owned(),
            lock: lock.map(str::to_owned),
            ns: 1,
            spans: Vec::new(),
        };
        let all =
            [blame("main", None), blame("", None), blame("main", None), blame("add", Some("totals")), blame("x", None)];
        assert_eq!(blamed(&all), "main, add (totals)");
        assert_eq!([blamed(&all[..3]), blamed(&[])], ["main", ""]);
    }
}
