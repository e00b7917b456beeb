//! The three sentences: capacity used and the largest cause; the culprit with evidence; the gain with its bounds.

use super::culprit::{self, Longest};
use super::off_cpu::{self, BUSY};
use super::rank::{if_changed, within};
use super::requests::{self, Requests};
use super::shared;
use super::weak::Weakness;
use super::Case;
use crate::analysis::{Analysis, Blame, Cause, Change, Finding, Lost, Name, Task};
use crate::sorted;
use crate::text::units::{count, counted, duration, percent, saved, share, three};

/// From this share of the capacity on, a cause is named first.
const LARGE: f64 = 0.05;
/// Below this share of the capacity, a cause isn't named.
const LEAST: f64 = 0.01;
/// From this work inflation on, it is what limits the run.
const INFLATED: f64 = 1.5;

/// Three sentences about an analysis whose account, what-ifs and findings are known.
pub(crate) fn sentences(case: &Case<'_>, analysis: &Analysis) -> Vec<String> {
    let weakness = Weakness::of(case, analysis);
    let real = analysis.findings.iter().find(|finding| !finding.noise);
    let shared = real.filter(|finding| finding.cause == Cause::Machine).and_then(|_| shared::of(case, analysis));
    let shared = shared.and_then(|shared| {
        let (_, row) = shared.what_if(analysis)?;
        Some((shared.sentence(), shared.effect(analysis, row)))
    });
    if let Some(weak) = weakness.sentence() {
        if let Some((culprit, effect)) = shared {
            return vec![weak, culprit, effect];
        }
        let culprit = suspect(analysis).unwrap_or_else(|| loss(case, analysis));
        return vec![weak, culprit, gain(case, analysis, real, None)];
    }
    if analysis.totals.capacity_ns == 0 {
        return without_lanes(analysis);
    }
    if let Some(name) = inflated(analysis) {
        return of_inflation(case, analysis, name);
    }
    if let Some((requests, task)) = blocked_requests(case, analysis) {
        return of_requests(case, analysis, requests, &task);
    }
    if let Some((culprit, effect)) = shared {
        return vec![capacity(analysis), culprit, effect];
    }
    let named = analysis.lost.first().filter(|lost| is_named(analysis, lost));
    let culprit = real.filter(|finding| finding.cause == Cause::OffCpu).and_then(|_| off_cpu::of(case, analysis));
    let culprit = culprit.map_or_else(|| evidence(case, analysis), |name| name.sentence());
    vec![capacity(analysis), culprit, gain(case, analysis, real, named)]
}

/// The largest cause of lost time, if it took enough of the capacity to be named first.
fn largest(analysis: &Analysis) -> Option<&Lost> {
    analysis.lost.first().filter(|lost| share(lost.ns, analysis.totals.capacity_ns) >= LARGE)
}

/// `16 cores` or `4 lanes`: what could have worked at once.
fn lanes(analysis: &Analysis) -> String {
    let totals = &analysis.totals;
    let word = core_or_lane(analysis);
    let one = (totals.capacity_lanes - 1.0).abs() < 0.01;
    format!("{} {word}{}", three(totals.capacity_lanes), if one { "" } else { "s" })
}

fn core_or_lane(analysis: &Analysis) -> &'static str {
    let totals = &analysis.totals;
    if totals.cpus > 0.0 && (totals.capacity_lanes - totals.cpus).abs() < 0.01 {
        "core"
    } else {
        "lane"
    }
}

fn capacity(analysis: &Analysis) -> String {
    let totals = &analysis.totals;
    let used = format!(
        "Of {} for {}, {} worked on average",
        lanes(analysis),
        duration(totals.wall_ns),
        three(totals.busy_lanes)
    );
    match largest(analysis) {
        Some(lost) => {
            format!("{used}; {} of the capacity was lost {}.", percent(share(lost.ns, totals.capacity_ns)), when(lost))
        }
        None => format!("{used}: {} of the capacity was used.", percent(share(totals.work_ns, totals.capacity_ns))),
    }
}

/// When, or with what, time was lost.
fn when(lost: &Lost) -> String {
    let blame = lost.blamed.first().filter(|blame| !blame.name.is_empty());
    let name = |otherwise: &str| blame.map_or_else(|| otherwise.to_owned(), |blame| format!("`{}`", blame.name));
    let lock = blame
        .and_then(|blame| blame.lock.as_deref())
        .map_or_else(|| "a lock".to_owned(), |lock| format!("the lock `{lock}`"));
    match lost.cause {
        Cause::Serial => format!("while {} ran alone", name("one thread")),
        Cause::Straggler => format!("while only the last {} still ran", name("pieces of a fan-out")),
        Cause::Lock => format!("waiting for {lock}, which {} held", name("another thread")),
        Cause::EmptyQueue => format!("waiting for {} to send", name("the sender of a queue")),
        Cause::FullQueue => format!("waiting for {} to make room in a queue", name("the receiver")),
        Cause::Dispatch => "between pieces of work, although the next one was ready".to_owned(),
        Cause::SmallChunks => {
            format!(
                "between {}, since the gaps and their recording take as long as the pieces",
                name("pieces of a fan-out")
            )
        }
        Cause::BuriedJoin => format!("while joins that were ready waited below {}", name("stolen work")),
        Cause::BlockedExecutor => format!("while polls of {} blocked the executor's threads", name("a span")),
        Cause::OffCpu => format!("in {} off the CPU", name("spans")),
        Cause::StartUp => "before threads or processes had started, or after they had ended".to_owned(),
        Cause::Machine => "since no core was free".to_owned(),
        Cause::Untraced => "on work outside of spans".to_owned(),
        Cause::Tracing => "on recording".to_owned(),
        Cause::Unexplained => "for reasons that weren't recorded".to_owned(),
    }
}

/// Whether the first two sentences name a cause, if it is the largest.
fn is_named(analysis: &Analysis, lost: &Lost) -> bool {
    share(lost.ns, analysis.totals.capacity_ns) >= LEAST
}

/// The largest cause and its evidence in one sentence, where the first sentence is about what weakens the findings.
fn loss(case: &Case<'_>, analysis: &Analysis) -> String {
    let evidence = evidence(case, analysis);
    match largest(analysis) {
        Some(lost) => format!(
            "{} of the capacity was lost {}: {}",
            percent(share(lost.ns, analysis.totals.capacity_ns)),
            when(lost),
            lower_first(&evidence)
        ),
        None => evidence,
    }
}

/// The first sentence of a text. A full stop in a name, which is between grave accents, ends none.
fn first_sentence(text: &str) -> &str {
    let mut is_name = false;
    let end = text.char_indices().find(|(at, character)| {
        is_name ^= *character == '`';
        !is_name && *character == '.' && text[at + 1..].starts_with(' ')
    });
    end.map_or(text, |(at, _)| &text[..=at])
}

/// The culprit of the first finding, or of the largest cause.
fn evidence(case: &Case<'_>, analysis: &Analysis) -> String {
    let Some(lost) = analysis.lost.first().filter(|lost| is_named(analysis, lost)) else {
        // What gains by being moved needn't cost capacity: polls that block their executor while it has nothing else to do.
        return match analysis.findings.iter().find(|finding| !finding.noise) {
            Some(finding) => {
                format!("No cause took 1 % of the capacity, but {}", lower_first(first_sentence(&finding.text)))
            }
            None => "No cause took 1 % of the capacity.".to_owned(),
        };
    };
    let part = share(lost.ns, analysis.totals.capacity_ns);
    if part < LARGE {
        return format!("The largest part of the rest, {}, was lost {}.", percent(part), when(lost));
    }
    let Some(blame) = lost.blamed.first().filter(|blame| !blame.name.is_empty() || blame.lock.is_some()) else {
        return format!("No span is to blame for these {}.", duration(lost.ns));
    };
    let longest = Longest::of(case, blame);
    match (lost.cause, longest, culprit::name(analysis, &blame.name)) {
        (Cause::Serial, Some(longest), row) => serial(case, analysis, &longest, row),
        (Cause::Straggler, Some(longest), Some(row)) => straggler(case, analysis, &longest, row),
        (Cause::Lock, ..) => held(analysis, blame),
        (Cause::EmptyQueue | Cause::FullQueue, _, row) => queue(analysis, blame, row),
        (Cause::StartUp, Some(longest), _) if !longest.is_piece() => charged(lost, blame),
        (Cause::StartUp, ..) => late(case).unwrap_or_else(|| charged(lost, blame)),
        (Cause::SmallChunks, _, Some(row)) => {
            format!(
                "There are {}, of {} in the median.",
                counted(row.count, "piece", "pieces"),
                duration(row.median_ns)
            )
        }
        (_, _, _) => charged(lost, blame),
    }
}

fn charged(lost: &Lost, blame: &Blame) -> String {
    let (part, all) = (duration(blame.ns), duration(lost.ns));
    // What differs by less than the digits that are shown is all of it.
    if part == all {
        return format!("All {all} are charged to `{}`.", blame.name);
    }
    format!("{part} of these {all} are charged to `{}`.", blame.name)
}

fn serial(case: &Case<'_>, analysis: &Analysis, blamed: &Longest<'_>, row: Option<&Name>) -> String {
    let of_name = row.filter(|row| row.count > 1).and_then(|row| Longest::of_name(case, row));
    let longest = of_name.as_ref().unwrap_or(blamed);
    let after = longest.after(case.run).map_or_else(String::new, |after| format!(", {after}"));
    let (took, lane) = (duration(longest.ns()), longest.lane(analysis));
    match row.filter(|row| row.count > 1) {
        Some(row) => format!(
            "The {} `{}` took {} in all, the longest {took} on `{lane}`{after}.",
            count(row.count),
            row.name,
            duration(row.total_ns)
        ),
        None => match row.filter(|row| row.own_ns * 2 < longest.ns()) {
            Some(row) => format!("Its own parts took {} on `{lane}`.", duration(row.own_ns)),
            None => format!("It took {took} on `{lane}`{after}."),
        },
    }
}

fn straggler(case: &Case<'_>, analysis: &Analysis, longest: &Longest<'_>, row: &Name) -> String {
    let times = culprit::times_median(row, longest.ns());
    let times = times.map_or_else(String::new, |times| format!(", {times} ({})", duration(row.median_ns)));
    let (pieces, is_longest) = longest.among(case.run, row);
    format!(
        "{} of {} took {} on `{}`{times}.",
        if is_longest { "The longest" } else { "One" },
        counted(pieces, "piece", "pieces"),
        duration(longest.ns()),
        longest.lane(analysis)
    )
}

/// The threads of the scaled pool whose first span came late.
fn late(case: &Case<'_>) -> Option<String> {
    let pool = case.graph.scaled?;
    let mut first = std::collections::BTreeMap::new();
    for node in case.graph.nodes.iter().filter(|node| case.graph.pool(node) == Some(pool)) {
        let start = first.entry(node.lane()?).or_insert(node.start);
        *start = node.start.min(*start);
    }
    let earliest = *first.values().min()?;
    let after: Vec<u64> =
        first.values().map(|start| start - earliest).filter(|after| *after > super::wall(case.run) / 100).collect();
    let latest = after.iter().max()?;
    Some(format!(
        "{} of {} of `{}` ran {} first span up to {} after the first one did.",
        count(after.len() as u64),
        counted(first.len() as u64, "thread", "threads"),
        case.graph.pools[pool as usize].name,
        if after.len() == 1 { "its" } else { "their" },
        duration(*latest)
    ))
}

fn held(analysis: &Analysis, blame: &Blame) -> String {
    let Some(row) = culprit::lock(analysis, blame) else {
        return format!("It held it for {} while others waited.", duration(blame.ns));
    };
    format!(
        "{} took {} in all; `{}` held it for {} at a time at most.",
        counted(row.waits, "wait", "waits"),
        duration(row.wait_ns),
        blame.name,
        duration(row.max_hold_ns)
    )
}

fn queue(analysis: &Analysis, blame: &Blame, row: Option<&Name>) -> String {
    let through = culprit::lock(analysis, blame)
        .map_or_else(String::new, |lock| format!(" on `{}`, in {}", lock.name, counted(lock.waits, "wait", "waits")));
    let times = row.map_or_else(String::new, |row| match row.count {
        1 => format!("; `{}` took {}", row.name, duration(row.max_ns)),
        _ => format!("; `{}` takes {} in the median", row.name, duration(row.median_ns)),
    });
    format!("Threads waited {} for it{through}{times}.", duration(blame.ns))
}

/// The third sentence. `named` is the cause that the sentences before it are about.
fn gain(case: &Case<'_>, analysis: &Analysis, real: Option<&Finding>, named: Option<&Lost>) -> String {
    let Some(finding) = real else { return nothing(case, analysis) };
    let Some(what_if) = finding.what_if.map(|ix| &analysis.what_ifs[ix as usize]) else {
        let best = analysis.totals.wall_ns - finding.gain_ns;
        let (best, less) = (duration(best), saved(finding.gain));
        let without = match named {
            Some(lost) if lost.cause == finding.cause => "Without that",
            _ => without(finding.cause),
        };
        return format!("{without}, the run would take {best} at best ({less}){}.", more_lanes(case, analysis));
    };
    let blamed = named.and_then(|lost| lost.blamed.first()).map(|blame| &blame.name);
    let changed = if_changed(&what_if.change);
    let what = match &what_if.change {
        Change::Faster { name, .. } | Change::Finer { name, .. } if blamed == Some(name) => format!("{changed}, it"),
        Change::Faster { name, .. } | Change::Finer { name, .. } => {
            format!("`{name}`, {},", lower_first(&changed))
        }
        Change::SpawnBlocking { name } => format!("With `{name}` on threads for blocking calls, the program"),
        _ => format!("{changed}, the program"),
    };
    let effect = match &what_if.change {
        Change::Faster { .. } | Change::Finer { .. } => "would bring the run to",
        _ => "would take",
    };
    format!("{what} {effect} {} ({}){}.", duration(what_if.ns), within(analysis, what_if), more_lanes(case, analysis))
}

/// If a cause that no change takes away weren't there.
fn without(cause: Cause) -> &'static str {
    match cause {
        Cause::SmallChunks => "With pieces so large that the gaps between them don't count",
        Cause::StartUp => "If all threads and processes were there from start to end",
        Cause::BuriedJoin => "If joins went on as soon as they are ready",
        _ => "If idle lanes took ready work at once",
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// What twice the lanes would gain, with nothing else changed, as a part of the time.
fn twice_the_lanes(case: &Case<'_>, analysis: &Analysis) -> Option<f64> {
    let own = case.own_lanes();
    let at = |lanes: u32| analysis.curve.iter().find(|point| point.lanes == lanes).map(|point| point.ns);
    let (now, twice) = (at(own)?, at(own * 2)?);
    Some(share(now.saturating_sub(twice), now))
}

/// The same in words: `; more cores gain under 1 %`.
fn more_lanes(case: &Case<'_>, analysis: &Analysis) -> String {
    let word = core_or_lane(analysis);
    match twice_the_lanes(case, analysis) {
        None => String::new(),
        Some(gain) if gain < LEAST => format!("; more {word}s gain under 1 %"),
        Some(gain) => {
            let twice = count(u64::from(case.own_lanes()) * 2);
            format!("; unchanged, it would take {} less on {twice} {word}s", percent(gain))
        }
    }
}

fn nothing(case: &Case<'_>, analysis: &Analysis) -> String {
    if case.spread.runs > 1 && case.spread.part >= 0.01 {
        return format!(
            "No finding exceeds the spread of the {} runs ({}): nothing is recommended.",
            count(u64::from(case.spread.runs)),
            percent(case.spread.part)
        );
    }
    let best = analysis.findings.iter().map(|finding| finding.gain).fold(0.0, f64::max);
    // A finding with a larger gain is noise if its cause lost next to nothing.
    let (from, best) = if best >= LEAST {
        (" from less waiting", format!("the best change, faster code, would save {}", percent(best)))
    } else if best > 0.0 {
        ("", format!("the best change would save {}", percent(best)))
    } else {
        ("", "no change would save time".to_owned())
    };
    let here = match twice_the_lanes(case, analysis) {
        Some(gain) if gain >= LEAST => {
            format!(
                " on {}",
                counted(u64::from(case.own_lanes()), core_or_lane(analysis), &format!("{}s", core_or_lane(analysis)))
            )
        }
        _ => String::new(),
    };
    format!("Nothing to gain{from}{here}: {best}{}.", more_lanes(case, analysis))
}

/// The name whose spans take longer the more lanes work, if lanes were busy and it makes up most of the work.
fn inflated(analysis: &Analysis) -> Option<&Name> {
    let totals = &analysis.totals;
    if share(totals.work_ns, totals.capacity_ns) < BUSY {
        return None;
    }
    let first = analysis.names.iter().max_by_key(|name| name.own_ns)?;
    (first.inflation? >= INFLATED && first.own_ns * 2 > totals.work_ns).then_some(first)
}

fn tenths(times: f64) -> String {
    three((times * 10.0).round() / 10.0)
}

fn of_inflation(case: &Case<'_>, analysis: &Analysis, name: &Name) -> Vec<String> {
    let totals = &analysis.totals;
    let busy =
        format!("All {} were busy {} of the time", lanes(analysis), percent(share(totals.work_ns, totals.capacity_ns)));
    let first = match totals.speed_up {
        Some(times) if times < 1.0 => {
            format!("{busy}, yet the run takes {} times as long as on one.", tenths(1.0 / times))
        }
        Some(times) => format!("{busy}, yet the run is only {} times faster than on one.", tenths(times)),
        None => format!("{busy}, but not with as much work as it seems."),
    };
    let second = format!(
        "`{}` takes {} times as long with all lanes busy as with one: memory, shared cache lines or hyper-threads.",
        name.name,
        tenths(name.inflation.unwrap_or(1.0))
    );
    let real = analysis.findings.iter().find(|finding| !finding.noise);
    let third = match real {
        Some(_) => gain(case, analysis, real, None),
        None => format!("No schedule helps{}.", as_fast(case, analysis, name)),
    };
    vec![first, second, third]
}

/// `; 6 lanes were as fast as 16`: the fewest lanes on which the work, at the mean duration seen with that many busy, takes as
/// long.
fn as_fast(case: &Case<'_>, analysis: &Analysis, name: &Name) -> String {
    let own = case.own_lanes();
    let all = name.by_busy.iter().rev().find(|(busy, _)| *busy >= own).or(name.by_busy.last());
    let Some((most, slow)) = all.copied() else { return String::new() };
    let rate = |busy: u32, mean: u64| f64::from(busy) / mean.max(1) as f64;
    let enough = name.by_busy.iter().find(|(busy, mean)| rate(*busy, *mean) >= 0.98 * rate(most, slow));
    match enough {
        Some((busy, _)) if *busy < most && analysis.totals.wall_ns > 0 => {
            format!("; {} as fast as {}", counted(u64::from(*busy), "lane was", "lanes were"), count(u64::from(most)))
        }
        _ => String::new(),
    }
}

/// Requests that waited for threads, and the task with the most long polls.
fn blocked_requests(case: &Case<'_>, analysis: &Analysis) -> Option<(Requests, Task)> {
    let requests = requests::requests(case.run, case.graph).filter(|requests| requests.waiting >= 0.1)?;
    let blamed = analysis.findings.iter().filter_map(|finding| {
        match &analysis.what_ifs.get(finding.what_if? as usize)?.change {
            Change::SpawnBlocking { name } => Some(name),
            _ => None,
        }
    });
    let task = blamed.filter_map(|name| requests::blocking(case, analysis, name)).next();
    let task = task.or_else(|| analysis.tasks.iter().max_by_key(|task| task.long_poll_ns).cloned());
    Some((requests, task.filter(|task| task.long_polls > 0)?))
}

fn of_requests(case: &Case<'_>, analysis: &Analysis, requests: Requests, task: &Task) -> Vec<String> {
    let polls: u64 = task.long_polls;
    let first = format!(
        "Requests waited {} of their time for a runtime thread: {}, {} over 10 ms.",
        percent(requests.waiting),
        counted(u64::from(requests.threads), "thread", "threads"),
        counted(polls, "poll", "polls")
    );
    let all = if polls == 1 { "It is".to_owned() } else { format!("All {} are", count(polls)) };
    let second = format!(
        "{all} `{}` (median {}), called without `spawn_blocking`.",
        task.name,
        duration(task.median_long_poll_ns)
    );
    let tail = case.name(&task.name).and_then(|name| requests::tail(case, name));
    let third = match tail {
        Some(tail) if !case.spread.hides(tail.gain()) => {
            format!("Moved there, the simulated p99 falls from {} to {}.", duration(tail.before), duration(tail.after))
        }
        _ => nothing(case, analysis),
    };
    vec![first, second, third]
}

/// Idle time that may have been untraced work, in the words of a weakened second sentence.
fn suspect(analysis: &Analysis) -> Option<String> {
    let untraced = analysis.totals.untraced_ns.filter(|ns| share(*ns, analysis.totals.capacity_ns) >= 0.05)?;
    let lane = analysis.lanes.iter().max_by_key(|lane| lane.untraced_ns)?;
    let threads = lane.thread.trim_end_matches(|c: char| c.is_ascii_digit());
    let threads = if threads == lane.thread { lane.thread.clone() } else { format!("{threads}*") };
    let idle = analysis.lost.iter().filter(|lost| lost.cause != Cause::Untraced).find_map(|lost| lost.blamed.first());
    let within =
        idle.filter(|blame| !blame.name.is_empty()).map_or_else(String::new, |blame| format!(" in `{}`", blame.name));
    Some(format!(
        "Of the idle time{within}, up to {} may be untraced work on `{threads}`: trace it with `.traced(..)`.",
        duration(untraced)
    ))
}

/// Where nothing is known of lanes, there is no lost time.
fn without_lanes(analysis: &Analysis) -> Vec<String> {
    let totals = &analysis.totals;
    let mut names: Vec<&Name> = analysis.names.iter().filter(|name| name.critical_ns > 0).collect();
    sorted::by_key(&mut names, |name| u64::MAX - name.critical_ns);
    let second = match names.first() {
        Some(name) => format!(
            "`{}` makes up {} of the critical path.",
            name.name,
            percent(share(name.critical_ns, totals.critical_ns))
        ),
        None => "No span has a part in a critical path.".to_owned(),
    };
    vec![
        format!(
            "The run took {}; its spans don't say on which threads they ran, so no lost time can be shown.",
            duration(totals.wall_ns)
        ),
        second,
        "Record `thread.id` to learn what else would be gained.".to_owned(),
    ]
}
