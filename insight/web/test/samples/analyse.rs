//! A plausible analysis of an invented run. The figures of the run itself are counted; the rest is made up.

use super::generate::{Plan, HOSTILE};
use heirloom_insight::analysis::*;
use heirloom_insight::model::{NoteKind, Run, WaitCause};
use heirloom_insight::text::units::counted;
use std::collections::BTreeMap;

pub(crate) fn analyse(run: &Run, plan: &Plan) -> Analysis {
    let wall = run.window.end - run.window.start;
    let mut analysis = Analysis {
        version: 1,
        program: run.program.clone(),
        start_ns: run.window.start,
        sentences: vec!["Nothing was recorded.".into()],
        ..Analysis::default()
    };
    if run.spans.is_empty() {
        return analysis;
    }
    let (lanes, utilisation) = lanes(run, wall);
    let work: u64 = lanes.iter().map(|lane| lane.working_ns).sum();
    let width = f64::from(plan.workers.max(1) + plan.servers);
    let capacity = (wall as f64 * width) as u64;
    let locked: u64 = lanes.iter().map(|lane| lane.lock_ns).sum();
    let fan = &run.fans[0];
    let outside = wall - (fan.join.unwrap_or(fan.begin) - fan.begin);
    analysis.totals = Totals {
        wall_ns: wall,
        cpus: run.machine.cpus.unwrap_or(0.0),
        cores: run.machine.cores.unwrap_or(0),
        lanes: run.lanes.len() as u32,
        capacity_lanes: width,
        capacity_ns: capacity,
        work_ns: work,
        lost_ns: capacity.saturating_sub(work),
        untraced_ns: Some(wall / 50),
        others_ns: Some(wall / 9),
        page_faults: (plan.workers > 0).then_some(1_204),
        tracing_ns: run.spans.len() as u64 * 45,
        critical_ns: outside + wall / 12,
        parallelism: work as f64 / (outside + wall / 12) as f64,
        busy_lanes: work as f64 / wall as f64,
        spans: run.spans.len() as u64,
        dropped: if plan.hostile { 12 } else { 0 },
        open: if plan.hostile { 3 } else { 0 },
        speed_up: None,
    };
    let id = |span: u32| run.spans[span as usize].id.to_string();
    let merge = run.spans.iter().position(|span| span.name == 3).unwrap_or(0) as u32;
    let straggler =
        fan.children.iter().copied().max_by_key(|s| run.spans[*s as usize].end - run.spans[*s as usize].start);
    let straggler = straggler.unwrap_or(merge);
    let lost = analysis.totals.lost_ns;
    let lock_part = locked.min(lost / 4);
    let parts = [
        (Cause::Serial, 58),
        (Cause::Straggler, 17),
        (Cause::Dispatch, 7),
        (Cause::Untraced, 5),
        (Cause::EmptyQueue, 5),
        (Cause::StartUp, 4),
        (Cause::Machine, 3),
        (Cause::Tracing, 1),
    ];
    analysis.lost = parts
        .iter()
        .map(|(cause, part)| Lost { cause: *cause, ns: (lost - lock_part) / 100 * part, blamed: Vec::new() })
        .collect();
    analysis.lost.insert(2, Lost { cause: Cause::Lock, ns: lock_part, blamed: Vec::new() });
    let rest = lost - analysis.lost.iter().map(|lost| lost.ns).sum::<u64>();
    analysis.lost.retain(|lost| lost.ns > 0);
    analysis.lost.push(Lost { cause: Cause::Unexplained, ns: rest, blamed: Vec::new() });
    let name = |ix: u32| run.names[ix as usize].to_string();
    let blame = |name: String, lock: Option<String>, ns, spans| Blame { name, lock, ns, spans };
    for lost in &mut analysis.lost {
        lost.blamed = match lost.cause {
            Cause::Serial => vec![
                blame(name(3), None, lost.ns / 10 * 8, vec![id(merge)]),
                blame(name(1), None, lost.ns / 10, vec![id(1)]),
            ],
            Cause::Straggler => vec![blame(name(2), None, lost.ns, vec![id(straggler)])],
            Cause::Lock => {
                let holders = run.waits.iter().filter_map(|wait| wait.holder).take(5).map(id).collect();
                vec![blame(name(7), Some(run.locks[0].name.to_string()), lost.ns, holders)]
            }
            Cause::Dispatch => {
                vec![blame(name(2), None, lost.ns / 2, fan.children.iter().take(5).map(|s| id(*s)).collect())]
            }
            _ => Vec::new(),
        };
    }
    analysis.lost.sort_by_key(|lost| std::cmp::Reverse(lost.ns));
    analysis.names = names(run);
    analysis.lanes = lanes;
    analysis.utilisation = utilisation;
    let waits = || run.waits.iter().filter(|wait| wait.lock == Some(0));
    analysis.locks = vec![Lock {
        name: run.locks[0].name.to_string(),
        kind: "mutex".into(),
        acquisitions: fan.children.len() as u64,
        hand_offs: 12,
        waits: waits().count() as u64,
        wait_ns: locked,
        max_wait_ns: waits().map(|wait| wait.end - wait.start).max().unwrap_or(0),
        held_ns: locked * 2 / 3,
        max_hold_ns: 400_000,
        holders: vec![(name(7), locked)],
    }];
    let requests: Vec<_> = run.spans.iter().filter(|span| span.polled).collect();
    if !requests.is_empty() {
        let busy = run.polls.iter().map(|poll| poll.end - poll.start).sum();
        analysis.tasks = vec![Task {
            name: "GET /thumb".into(),
            count: requests.len() as u64 / 2,
            busy_ns: busy,
            idle_ns: busy * 2,
            median_ns: 400_000,
            p99_ns: 900_000,
            polls: run.polls.len() as u64,
            long_polls: 2,
            long_poll_ns: 23_000_000,
            median_long_poll_ns: 11_000_000,
            max_poll_ns: 12_000_000,
            spans: requests.iter().take(5).map(|span| span.id.to_string()).collect(),
            ..Task::default()
        }];
    }
    paths(run, &mut analysis, merge, straggler);
    predictions(&mut analysis, outside, work, plan, (&name(3), &name(2)));
    let merge_ns = run.spans[merge as usize].end - run.spans[merge as usize].start;
    let percent = |part: u64, of: u64| 100.0 * part as f64 / of as f64;
    let serial = analysis.lost.iter().find(|lost| lost.cause == Cause::Serial).map_or(0, |lost| lost.ns);
    let better = analysis.what_ifs[2].ns;
    analysis.sentences = vec![
        format!(
            "Of {} for {:.2} s, {:.1} worked on average; {:.0} % of the capacity was lost while `{}` ran alone.",
            counted(width as u64, "lane", "lanes"),
            wall as f64 / 1e9,
            analysis.totals.busy_lanes,
            percent(serial, capacity),
            name(3)
        ),
        format!(
            "It took {:.2} s on `main`, after all {} `{}` had ended.",
            merge_ns as f64 / 1e9,
            fan.children.len(),
            name(2)
        ),
        format!(
            "Four times faster, it would bring the run to {:.2} s (-{:.0} %); more cores gain under 1 %.",
            better as f64 / 1e9,
            percent(wall - better.min(wall), wall)
        ),
    ];
    analysis.notes = vec![Note { kind: NoteKind::Busy, text: "Other processes used 11 % of the machine.".into() }];
    if plan.hostile {
        analysis
            .notes
            .push(Note { kind: NoteKind::Dropped, text: format!("12 spans of `{}` are missing.", HOSTILE[0]) });
        analysis
            .notes
            .push(Note { kind: NoteKind::Guessed, text: "Fan-outs were guessed from overlapping children.".into() });
    }
    let finding = |cause, text: String, gain_ns: u64, noise, what_if, evidence| Finding {
        cause,
        text,
        gain_ns,
        gain: gain_ns as f64 / wall as f64,
        noise,
        what_if,
        evidence,
    };
    let evidence = |label: &str, value: String, spans: Vec<String>| Evidence { label: label.into(), value, spans };
    analysis.findings = vec![
        finding(
            Cause::Serial,
            format!("`{}` runs alone: split it, or make it faster.", name(3)),
            wall.saturating_sub(better),
            false,
            Some(2),
            vec![
                evidence("alone for", format!("{:.2} s", merge_ns as f64 / 1e9), vec![id(merge)]),
                evidence("lost capacity", format!("{:.0} %", percent(serial, capacity)), vec![id(merge), id(1)]),
            ],
        ),
        finding(
            Cause::Straggler,
            format!("One `{}` takes far longer than the others: start it first, or split it.", name(2)),
            wall / 30,
            false,
            Some(5),
            vec![evidence(
                "longest",
                format!(
                    "{:.1} ms",
                    (run.spans[straggler as usize].end - run.spans[straggler as usize].start) as f64 / 1e6
                ),
                vec![id(straggler)],
            )],
        ),
        finding(
            Cause::Lock,
            format!("`{}` is held while others wait.", run.locks[0].name),
            wall / 400,
            true,
            Some(4),
            vec![evidence(
                "waits",
                waits().count().to_string(),
                waits().filter_map(|wait| wait.span).take(20).map(id).collect(),
            )],
        ),
    ];
    analysis
}

fn lanes(run: &Run, wall: u64) -> (Vec<Lane>, Vec<Bucket>) {
    const PARTS: usize = 400;
    let mut lanes: Vec<Lane> = run
        .lanes
        .iter()
        .map(|lane| Lane {
            pid: run.processes[lane.process as usize].pid,
            process: run.processes[lane.process as usize].name.to_string(),
            thread_id: lane.thread_id,
            thread: lane.thread_name.to_string(),
            pool: lane.pool.as_ref().map(|pool| pool.name.to_string()),
            cpu_ns: Some(0),
            ..Lane::default()
        })
        .collect();
    let mut buckets = vec![Bucket { capacity: run.lanes.len() as f64, ..Bucket::default() }; PARTS];
    let part = wall as f64 / PARTS as f64;
    let mut spread = |start: u64, end: u64, add: &dyn Fn(&mut Bucket, f64)| {
        let (from, to) = ((start - run.window.start) as f64 / part, (end - run.window.start) as f64 / part);
        let parts = buckets.iter_mut().enumerate().take(to as usize + 1).skip(from as usize);
        parts.for_each(|(at, bucket)| add(bucket, (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0)));
    };
    let top = |lane: u32, parent: Option<u32>| {
        parent.is_none_or(|parent| run.spans[parent as usize].lane != lane || run.spans[parent as usize].polled)
    };
    for span in
        run.spans.iter().filter(|span| span.nested && top(span.lane, span.parent()) && span.end <= run.window.end)
    {
        lanes[span.lane as usize].working_ns += span.end - span.start;
        spread(span.start, span.end, &|bucket, share| bucket.working += share);
    }
    for wait in &run.waits {
        let lane = &mut lanes[wait.lane as usize];
        let length = wait.end - wait.start;
        lane.working_ns -= length.min(lane.working_ns);
        let lock = wait.cause == WaitCause::Mutex;
        *if lock { &mut lane.lock_ns } else { &mut lane.join_ns } += length;
        spread(wait.start, wait.end, &|bucket, share| {
            bucket.working -= share;
            *if lock { &mut bucket.lock } else { &mut bucket.waiting } += share;
        });
    }
    for poll in run.polls.iter().filter(|poll| poll.end <= run.window.end) {
        lanes[poll.lane as usize].working_ns += poll.end - poll.start;
        spread(poll.start, poll.end, &|bucket, share| bucket.working += share);
    }
    for lane in &mut lanes {
        lane.idle_ns = wall.saturating_sub(lane.working_ns + lane.lock_ns + lane.join_ns);
        lane.cpu_ns = Some(lane.working_ns / 100 * 93);
    }
    // The second thread computed outside of spans.
    if let Some(lane) = lanes.get_mut(1) {
        lane.untraced_ns = Some(wall / 50);
        lane.run_queue_ns = Some(wall / 20);
    }
    (lanes, buckets)
}

fn names(run: &Run) -> Vec<Name> {
    let mut lengths: BTreeMap<u32, Vec<(u64, String)>> = BTreeMap::new();
    for span in &run.spans {
        lengths.entry(span.name).or_default().push((span.end - span.start, span.id.to_string()));
    }
    let mut names: Vec<Name> = lengths
        .into_iter()
        .map(|(name, mut lengths)| {
            lengths.sort();
            let count = lengths.len();
            let total = lengths.iter().map(|(ns, _)| ns).sum::<u64>();
            let mut histogram = BTreeMap::new();
            for (ns, _) in &lengths {
                *histogram.entry(1u64 << (63 - (ns | 1).leading_zeros())).or_insert(0) += 1;
            }
            let leaf = name >= 3;
            Name {
                name: run.names[name as usize].to_string(),
                count: count as u64,
                total_ns: total,
                own_ns: if leaf { total } else { total / 50 },
                critical_ns: if name == 3 { total } else { total / 60 },
                mean_ns: total / count as u64,
                median_ns: lengths[count / 2].0,
                p99_ns: lengths[count * 99 / 100].0,
                max_ns: lengths[count - 1].0,
                slowest: lengths[count - 1].1.clone(),
                inflation: (name == 5).then_some(1.8),
                by_lanes: Vec::new(),
                by_busy: if name == 5 {
                    vec![(1, total / count as u64), (8, total / count as u64 * 18 / 10)]
                } else {
                    Vec::new()
                },
                histogram: histogram.into_iter().collect(),
            }
        })
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.own_ns));
    names
}

fn paths(run: &Run, analysis: &mut Analysis, merge: u32, straggler: u32) {
    let step = |span: u32, because| {
        let of = &run.spans[span as usize];
        Step {
            span: of.id.to_string(),
            name: run.names[of.name as usize].to_string(),
            lane: of.lane,
            from: of.start - run.window.start,
            to: of.end - run.window.start,
            because,
        }
    };
    let pieces =
        |of: u32| (0..run.spans.len() as u32).filter(move |span| run.spans[*span as usize].parent() == Some(of));
    analysis.critical_path.push(step(1, "start"));
    analysis.critical_path.extend(pieces(straggler).map(|span| step(span, "child")));
    analysis.critical_path.push(step(merge, "join"));
    analysis.observed_path.push(step(1, "start"));
    let lane = run.spans[straggler as usize].lane;
    let on_lane = run.fans[0].children.iter().filter(|span| run.spans[**span as usize].lane == lane);
    analysis.observed_path.extend(on_lane.map(|span| step(*span, "lane")));
    analysis.observed_path.push(step(merge, "join"));
}

fn predictions(analysis: &mut Analysis, serial: u64, work: u64, plan: &Plan, names: (&str, &str)) {
    let measured = plan.workers.max(1);
    let curve = |serial: u64, parallel: u64, longest: u64| -> Vec<Point> {
        (0..13)
            .map(|at| (2f64.powf(f64::from(at) / 2.0)).round() as u32)
            .map(|lanes| {
                let ns = serial + (parallel / u64::from(lanes)).max(longest);
                Point {
                    lanes,
                    ns,
                    lower_ns: serial.max((serial + parallel) / u64::from(lanes)).max(ns * 9 / 10),
                    upper_ns: ns + longest / 2 + ns / 20,
                    beyond: lanes > measured,
                }
            })
            .collect()
    };
    let parallel = work.saturating_sub(serial);
    let longest = analysis.totals.critical_ns - serial;
    analysis.curve = curve(serial, parallel, longest);
    let what_if = |change, curve: Vec<Point>| {
        let at = *curve.iter().rfind(|point| point.lanes <= measured).unwrap_or(&curve[0]);
        WhatIf { change, ns: at.ns, lower_ns: at.lower_ns, upper_ns: at.upper_ns, curve }
    };
    let merge = serial * 4 / 5;
    for factor in [1.5, 2.0, 4.0, f64::INFINITY] {
        let less = merge - (merge as f64 / factor) as u64;
        analysis
            .what_ifs
            .push(what_if(Change::Faster { name: names.0.into(), factor }, curve(serial - less, parallel, longest)));
    }
    analysis.what_ifs.push(what_if(
        Change::WithoutLock { lock: analysis.locks[0].name.clone() },
        curve(serial, parallel * 49 / 50, longest),
    ));
    for pieces in [2, 4] {
        analysis.what_ifs.push(what_if(
            Change::Finer { name: names.1.into(), pieces },
            curve(serial, parallel, longest / u64::from(pieces)),
        ));
    }
    for factor in [2.0, 4.0] {
        let less = parallel / 3;
        analysis.what_ifs.push(what_if(
            Change::Faster { name: "decode".into(), factor },
            curve(serial, parallel - less + (less as f64 / factor) as u64, longest),
        ));
    }
}
