//! Findings, by the part of the predicted gain that belongs to their cause.

use super::culprit::{self, Longest};
use super::off_cpu;
use super::requests::{self, Tail};
use super::shared;
use super::what_ifs::{background, best_pieces};
use super::{gain, Case};
use crate::analysis::{Analysis, Blame, Cause, Change, Evidence, Finding, Lost, WhatIf};
use crate::sorted;
use crate::text::units::{counted, duration, saved, share};
use std::collections::BTreeSet;

/// How many blamed names of each cause become findings.
const BLAMED: usize = 3;
/// A name that is blamed for less than this share of its cause is no finding.
const LEAST_SHARE: f64 = 0.05;
/// How many times as fast the spans of a finding are.
const FASTER: f64 = 4.0;

/// The findings of an analysis whose account and what-ifs are known, the largest gain first.
pub(crate) fn findings(case: &Case<'_>, analysis: &Analysis) -> Vec<Finding> {
    let mut findings: Vec<(f64, Finding)> = Vec::new();
    for lost in analysis.lost.iter().filter(|lost| lost.ns > 0) {
        match lost.cause {
            Cause::Machine | Cause::Untraced | Cause::Tracing | Cause::OffCpu | Cause::Unexplained => {}
            Cause::StartUp if lost.blamed.first().is_some_and(|blame| starts_others(case, analysis, blame)) => {
                findings.push(blamed(case, analysis, lost.cause, &lost.blamed[0]));
            }
            Cause::Dispatch | Cause::SmallChunks | Cause::StartUp => findings.push(overhead(case, analysis, lost)),
            Cause::BuriedJoin => findings.push(buried(case, analysis, lost)),
            _ => {
                let most = lost.blamed.iter().filter(|blame| share(blame.ns, lost.ns) >= LEAST_SHARE).take(BLAMED);
                findings.extend(most.map(|blame| blamed(case, analysis, lost.cause, blame)));
            }
        }
    }
    findings.extend(long_polls(case, analysis));
    findings.extend(occupied(case, analysis));
    findings.extend(too_few_lanes(case, analysis));
    findings.extend(too_few_cores(case, analysis));
    // Equal ones stay in the order of their lost time, and one change is one finding.
    // Another number of lanes is advice for where nothing else is wrong.
    let other_lanes = |finding: &Finding| matches!(finding.cause, Cause::OffCpu | Cause::Machine);
    sorted::by(&mut findings, |a, b| {
        (a.1.noise, other_lanes(&a.1)).cmp(&(b.1.noise, other_lanes(&b.1))).then(b.0.total_cmp(&a.0))
    });
    let mut seen = BTreeSet::new();
    findings.retain(|(_, finding)| finding.what_if.is_none_or(|what_if| seen.insert(what_if)));
    findings.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether spans of this name wait until others have started, and don't merely start late themselves.
fn starts_others(case: &Case<'_>, analysis: &Analysis, blame: &Blame) -> bool {
    let spans = || case.run.spans.iter().filter(|span| *case.run.names[span.name as usize] == *blame.name);
    cure(analysis, Cause::StartUp, blame).is_some()
        && spans().all(|span| span.fan().is_none() && span.parent().is_some())
}

/// A finding with a culprit and a simulated change.
fn blamed(case: &Case<'_>, analysis: &Analysis, cause: Cause, blame: &Blame) -> (f64, Finding) {
    let what_if = cure(analysis, cause, blame);
    let row = what_if.map(|ix| &analysis.what_ifs[ix as usize]);
    let gain_ns = row.map_or(0, |row| gain(analysis, row.ns));
    let tail = (cause == Cause::BlockedExecutor)
        .then(|| case.name(&blame.name))
        .flatten()
        .and_then(|name| requests::tail(case, name));
    let mut evidence = vec![culprit::charged(blame)];
    let name = culprit::name(analysis, &blame.name);
    evidence.extend(Longest::of(case, blame).map(|longest| culprit::longest(analysis, &longest, name)));
    evidence.extend(name.map(culprit::durations));
    evidence.extend(culprit::lock(analysis, blame).into_iter().flat_map(culprit::lock_use));
    evidence.extend(tail.map(tail_evidence));
    let text = format!("{} {}", what(cause, blame), effect(analysis, row, gain_ns, tail));
    let mut finding = Finding { text, gain_ns, what_if, evidence, ..empty(case, analysis, cause, gain_ns, tail) };
    // Where next to nothing was lost, all that the change gains is faster code.
    finding.noise |= share(blame.ns, analysis.totals.capacity_ns) < 0.01;
    // A change gains more than its cause lost if it also makes code faster: that is not this cause's merit.
    let own_gain = finding.gain.min(share(blame.ns, analysis.totals.wall_ns)).max(tail.map_or(0.0, Tail::gain));
    finding.noise |= case.spread.hides(own_gain);
    (own_gain, finding)
}

fn empty(case: &Case<'_>, analysis: &Analysis, cause: Cause, gain_ns: u64, tail: Option<Tail>) -> Finding {
    let gain = share(gain_ns, analysis.totals.wall_ns);
    let noise = case.spread.hides(gain.max(tail.map_or(0.0, Tail::gain)));
    Finding { cause, text: String::new(), gain_ns, gain, noise, what_if: None, evidence: Vec::new() }
}

fn tail_evidence(tail: Tail) -> Evidence {
    let value = format!("{} before, {} after", duration(tail.before), duration(tail.after));
    Evidence { label: "simulated p99 of requests".to_owned(), value, spans: Vec::new() }
}

/// The what-if that takes a cause away.
fn cure(analysis: &Analysis, cause: Cause, blame: &Blame) -> Option<u32> {
    let find = |change: &Change| analysis.what_ifs.iter().position(|row| row.change == *change).map(|ix| ix as u32);
    match cause {
        Cause::Lock => find(&Change::WithoutLock { lock: blame.lock.clone()? }),
        Cause::Straggler => best_pieces(analysis, &blame.name)
            .or_else(|| find(&Change::Faster { name: blame.name.clone(), factor: FASTER })),
        Cause::BlockedExecutor => find(&Change::SpawnBlocking { name: blame.name.clone() }),
        _ => find(&Change::Faster { name: blame.name.clone(), factor: FASTER }),
    }
}

/// What is the matter, as a sentence.
fn what(cause: Cause, blame: &Blame) -> String {
    let (name, ns) = (&blame.name, duration(blame.ns));
    let lock = blame.lock.as_deref().unwrap_or("a lock");
    match cause {
        Cause::EmptyQueue | Cause::FullQueue if name.is_empty() => {
            format!("Waiting for `{lock}`, without a span at its other end, took {ns}.")
        }
        Cause::StartUp => format!("Threads or processes that `{name}` started, or had to start, cost {ns}."),
        Cause::Serial => format!("While `{name}` ran alone, {ns} of the other lanes' time was lost."),
        Cause::Straggler => format!("While only the last `{name}` still ran, {ns} of the other lanes' time was lost."),
        Cause::Lock => format!("Waiting for `{lock}` while `{name}` held it took {ns}."),
        Cause::EmptyQueue => format!("Waiting for `{name}` to send took {ns}."),
        Cause::FullQueue => format!("Waiting for `{name}` to make room took {ns}."),
        Cause::BlockedExecutor => {
            format!("Polls of `{name}` blocked threads of their executor; ready tasks waited {ns}.")
        }
        _ => format!("`{name}` is charged with {ns} of lost time."),
    }
}

/// What the change would do, as a sentence.
fn effect(analysis: &Analysis, row: Option<&WhatIf>, gain_ns: u64, tail: Option<Tail>) -> String {
    let Some(row) = row else { return "No change was simulated.".to_owned() };
    if let Some(tail) = tail {
        return format!(
            "{}, the simulated p99 of requests goes from {} to {}.",
            if_changed(&row.change),
            duration(tail.before),
            duration(tail.after)
        );
    }
    if gain_ns == 0 {
        return format!("{}, the run would take as long.", if_changed(&row.change));
    }
    format!(
        "{}, the run would take {} instead of {} ({}).",
        if_changed(&row.change),
        duration(row.ns),
        duration(analysis.totals.wall_ns),
        within(analysis, row)
    )
}

/// `-43 %; between 2.1 s and 2.9 s`: the gain with its bounds.
pub(super) fn within(analysis: &Analysis, row: &WhatIf) -> String {
    let less = saved(share(gain(analysis, row.ns), analysis.totals.wall_ns));
    if row.lower_ns == row.upper_ns {
        return less;
    }
    format!("{less}; between {} and {}", duration(row.lower_ns), duration(row.upper_ns))
}

/// `Four times faster`, `Without the lock`, ...
pub(super) fn if_changed(change: &Change) -> String {
    match change {
        Change::Faster { factor, .. } if !factor.is_finite() => "Without it".to_owned(),
        Change::Faster { factor, .. } if *factor == FASTER => "Four times faster".to_owned(),
        Change::Faster { factor, .. } => format!("{factor} times faster"),
        Change::WithoutLock { lock } => format!("Without the lock `{lock}`"),
        Change::Finer { pieces: 2, .. } => "Split in two".to_owned(),
        Change::Finer { pieces, .. } => format!("Split into {pieces} pieces each"),
        Change::Lanes { lanes } => format!("On {}", counted(u64::from(*lanes), "lane", "lanes")),
        Change::SpawnBlocking { .. } => "Moved to threads for blocking calls".to_owned(),
    }
}

/// Polls that block their executor, where that cost no capacity: tasks that were ready waited for a thread.
fn long_polls(case: &Case<'_>, analysis: &Analysis) -> Vec<(f64, Finding)> {
    let charged = analysis.lost.iter().filter(|lost| lost.cause == Cause::BlockedExecutor && lost.ns > 0);
    let charged: Vec<&str> = charged.flat_map(|lost| &lost.blamed).map(|blame| &*blame.name).collect();
    let mut findings = Vec::new();
    for (ix, row) in (0..).zip(&analysis.what_ifs) {
        let Change::SpawnBlocking { name } = &row.change else { continue };
        let Some(task) = requests::blocking(case, analysis, name).filter(|task| !charged.contains(&&*task.name)) else {
            continue;
        };
        let gain_ns = gain(analysis, row.ns);
        let tail = case.name(name).and_then(|name| requests::tail(case, name));
        let polls = counted(task.long_polls, "poll", "polls");
        let median = duration(task.median_long_poll_ns);
        let text = format!(
            "{polls} of `{name}` took over 10 ms ({median} in the median). {}",
            effect(analysis, Some(row), gain_ns, tail)
        );
        let value = format!("{polls}, {} in all, {} at most", duration(task.long_poll_ns), duration(task.max_poll_ns));
        let mut evidence = vec![Evidence { label: "polls over 10 ms".to_owned(), value, spans: task.spans.clone() }];
        evidence.extend(tail.map(tail_evidence));
        let empty = empty(case, analysis, Cause::BlockedExecutor, gain_ns, tail);
        let finding = Finding { text, what_if: Some(ix), evidence, ..empty };
        findings.push((tail.map_or(0.0, Tail::gain).max(finding.gain), finding));
    }
    findings
}

/// Jobs that nothing in their pool waits for, and that kept its threads from other work.
fn occupied(case: &Case<'_>, analysis: &Analysis) -> Vec<(f64, Finding)> {
    let mut findings = Vec::new();
    for (ix, row) in (0..).zip(&analysis.what_ifs) {
        let Change::SpawnBlocking { name } = &row.change else { continue };
        let Some(name_ix) = case.name(name) else { continue };
        let mut jobs =
            background(case.graph, case.run).filter(|job| case.run.spans[job.0 as usize].name == name_ix).peekable();
        let Some((first, pool)) = jobs.peek().copied() else { continue };
        let (count, ns) = jobs.fold((0, 0), |(count, ns), (span, _)| {
            let span = &case.run.spans[span as usize];
            (count + 1, ns + span.end.saturating_sub(span.start))
        });
        let pool = &case.graph.pools[pool as usize];
        let gain_ns = gain(analysis, row.ns);
        let text = format!(
            "{} of `{name}` occupied threads of `{}`, which has {}, for {} in all. On threads of their own, the run would take {} instead of {} ({}).",
            counted(count, "job", "jobs"),
            pool.name,
            counted(u64::from(pool.size), "thread", "threads"),
            duration(ns),
            duration(row.ns),
            duration(analysis.totals.wall_ns),
            within(analysis, row)
        );
        let spans = vec![case.run.spans[first as usize].id.to_string()];
        let evidence = vec![Evidence { label: "jobs".to_owned(), value: counted(count, "job", "jobs"), spans }];
        let empty = empty(case, analysis, Cause::BlockedExecutor, gain_ns, None);
        let finding = Finding { text, what_if: Some(ix), evidence, ..empty };
        findings.push((finding.gain, finding));
    }
    findings
}

/// Lanes that are busy off the CPU: more of them would use the cores.
fn too_few_lanes(case: &Case<'_>, analysis: &Analysis) -> Option<(f64, Finding)> {
    let name = off_cpu::of(case, analysis)?;
    let more = (0..).zip(&analysis.what_ifs).filter_map(|(ix, row)| match row.change {
        Change::Lanes { lanes } if lanes > case.own_lanes() => Some((lanes, ix, row)),
        _ => None,
    });
    let (_, ix, row) = more.max_by_key(|(lanes, ..)| *lanes)?;
    let gain_ns = gain(analysis, row.ns);
    let text = format!("{} {}", name.sentence(), effect(analysis, Some(row), gain_ns, None));
    let finding = Finding {
        text,
        what_if: Some(ix),
        evidence: name.evidence(),
        ..empty(case, analysis, Cause::OffCpu, gain_ns, None)
    };
    Some((finding.gain, finding))
}

/// More lanes than cores. Fewer lanes would hardly be faster. The finding is never noise, since it shows that the cores are the
/// limit.
fn too_few_cores(case: &Case<'_>, analysis: &Analysis) -> Option<(f64, Finding)> {
    let shared = shared::of(case, analysis)?;
    let (ix, row) = shared.what_if(analysis)?;
    let gain_ns = gain(analysis, row.ns);
    let text = format!("{} {}", shared.sentence(), shared.effect(analysis, row));
    let empty = empty(case, analysis, Cause::Machine, gain_ns, None);
    let finding = Finding { text, what_if: Some(ix), evidence: shared.evidence(), noise: false, ..empty };
    Some((finding.gain, finding))
}

/// Time that the simulated schedule doesn't lose: the cause's share of what the run took longer than that.
fn overhead(case: &Case<'_>, analysis: &Analysis, lost: &Lost) -> (f64, Finding) {
    let same_kind = |lost: &&Lost| {
        matches!(
            lost.cause,
            Cause::Dispatch
                | Cause::SmallChunks
                | Cause::StartUp
                | Cause::Machine
                | Cause::Untraced
                | Cause::Tracing
                | Cause::Unexplained
        )
    };
    let all: u64 = analysis.lost.iter().filter(same_kind).map(|lost| lost.ns).sum();
    let longer = analysis.totals.wall_ns.saturating_sub(case.base.simulated());
    let lanes = analysis.totals.capacity_lanes.max(1.0);
    let gain_ns = ((longer as f64 * share(lost.ns, all)) as u64).min((lost.ns as f64 / lanes).round() as u64);
    let ns = duration(lost.ns);
    let what = match (lost.cause, lost.blamed.first()) {
        (Cause::SmallChunks, Some(blame)) => {
            format!(
                "Gaps as long as the pieces between them, and the recording of the pieces, took {ns}, most for `{}`: make the pieces larger.",
                blame.name
            )
        }
        (Cause::SmallChunks, None) => {
            format!("Gaps as long as the pieces between them, and the recording of the pieces, took {ns}: make the pieces larger.")
        }
        (Cause::StartUp, _) => format!("Threads or processes that had not started yet, or had ended, cost {ns}."),
        (_, _) => format!("Lanes were idle for {ns} although work was ready."),
    };
    let text = format!(
        "{what} Without that, the run would take {} at best ({}).",
        duration(analysis.totals.wall_ns - gain_ns),
        saved(share(gain_ns, analysis.totals.wall_ns))
    );
    let evidence = lost.blamed.iter().take(BLAMED).map(culprit::charged).collect();
    let finding = Finding { text, evidence, ..empty(case, analysis, lost.cause, gain_ns, None) };
    (finding.gain, finding)
}

/// Joins that were ready while their lane had stolen other work: simulated with continuations on any lane.
fn buried(case: &Case<'_>, analysis: &Analysis, lost: &Lost) -> (f64, Finding) {
    let free = case.base.scaled(case.base.with_free_continuations());
    let gain_ns = gain(analysis, free);
    let below = lost.blamed.first().map_or_else(String::new, |blame| format!(", most of it below `{}`", blame.name));
    let text = format!(
        "Joins that were ready waited below stolen work{below}: {} was lost. If any lane could go on after these joins, the run would take {} instead of {}.",
        duration(lost.ns),
        duration(free.min(analysis.totals.wall_ns)),
        duration(analysis.totals.wall_ns)
    );
    let evidence = lost.blamed.iter().take(BLAMED).map(culprit::charged).collect();
    let mut finding = Finding { text, evidence, ..empty(case, analysis, lost.cause, gain_ns, None) };
    finding.noise |= share(lost.ns, analysis.totals.capacity_ns) < 0.01;
    (finding.gain, finding)
}
