//! Lanes with a strip over time, and the line of utilisation.

use super::lane_names;
use super::layout::{left, paragraph};
use super::units::{counted, duration, percent, share};
use crate::analysis::{Analysis, Bucket, Lane};
use crate::sorted;

/// At most so many lanes are shown.
const MOST_LANES: usize = 32;

/// What the characters of a strip mean.
const LEGEND: &str = "█ ▓ ▒ ░ worked all, 3, 2 or 1 quarter of the time, or waited longer than that: \
    / for a lock, \\ in a join, . for a queue; blank: idle, no span was open";

/// What the column of waits for a core means. It isn't one more part of the time.
const NO_CORE: &str = "no core: time in any of these in which the thread waited for a core";

/// The column of waits for a core is shown if a lane waited for at least this part of the time.
const WORTH: f64 = 0.01;

/// Adds the lanes, those with the most work first if there are many.
pub(super) fn lanes(out: &mut String, analysis: &Analysis, columns: usize) {
    let wall = analysis.totals.wall_ns;
    let all = lane_names::names(&analysis.lanes, columns / 5 - 1);
    let mut shown: Vec<(&Lane, &str)> = analysis.lanes.iter().zip(all.iter().map(String::as_str)).collect();
    shown.retain(|(lane, _)| !is_empty(lane));
    let empty = analysis.lanes.len() - shown.len();
    let recorded = shown.len();
    if recorded > MOST_LANES {
        sorted::by_key(&mut shown, |(lane, _)| u64::MAX - lane.working_ns);
        shown.truncate(MOST_LANES);
    }
    let names = shown.iter().map(|(_, name)| name.chars().count()).max().unwrap_or(0);
    let waited = shown.iter().any(|(lane, _)| lane.run_queue_ns.is_some_and(|ns| share(ns, wall) >= WORTH));
    let no_core = if waited { "no core  " } else { "" };
    let figures = format!("  {}  working   lock   join  queue   idle  {no_core}", left("", names));
    let room = columns - figures.chars().count();
    out.push_str(&format!("{figures}over time\n"));
    for (lane, name) in &shown {
        let part = |ns| percent(share(ns, wall)).replace("under 1 %", "<1 %");
        let no_core = match waited {
            true => format!("{:>7}  ", lane.run_queue_ns.map_or_else(String::new, part)),
            false => String::new(),
        };
        let line = format!(
            "  {}  {:>7}  {:>5}  {:>5}  {:>5}  {:>5}  {no_core}{}",
            left(name, names),
            part(lane.working_ns),
            part(lane.lock_ns),
            part(lane.join_ns),
            part(lane.queue_ns),
            part(lane.idle_ns),
            strip(lane, room),
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if recorded > shown.len() {
        out.push_str(&format!("  and {} more\n", recorded - shown.len()));
    }
    if empty > 0 {
        let threads = counted(empty as u64, "thread", "threads");
        out.push_str(&format!("  and {threads} without spans, waits or CPU time\n"));
    }
    paragraph(out, "  ", LEGEND);
    if waited {
        paragraph(out, "  ", NO_CORE);
    }
}

/// A thread outside of pools that neither worked nor waited, such as one that only sent jobs to worker processes.
fn is_empty(lane: &Lane) -> bool {
    let untraced = lane.untraced_ns.unwrap_or(0);
    let recorded = lane.working_ns + lane.lock_ns + lane.join_ns + lane.queue_ns;
    recorded + untraced == 0 && lane.pool.is_none() && lane.thread_id != 0
}

/// One character for each part of the run.
fn strip(lane: &Lane, columns: usize) -> String {
    let parts = lane.strip.len();
    let columns = columns.min(parts);
    (0..columns)
        .map(|column| {
            let from = column * parts / columns;
            let to = (column + 1) * parts / columns;
            let mean = |kind: usize| {
                lane.strip[from..to].iter().map(|part| u32::from(part[kind])).sum::<u32>() / (to - from) as u32
            };
            glyph(mean(0), [mean(1), mean(2), mean(3)])
        })
        .collect()
}

/// `working` and `waiting` (for locks, joins, queues) are in percent. A lane that mostly waited isn't shown as working.
fn glyph(working: u32, waiting: [u32; 3]) -> char {
    let [lock, join, queue] = waiting;
    let waited = lock + join + queue;
    if waited > working && waited >= 25 {
        return match lock.max(join).max(queue) {
            most if most == lock => '/',
            most if most == join => '\\',
            _ => '.',
        };
    }
    match working {
        88.. => '█',
        63..=87 => '▓',
        38..=62 => '▒',
        13..=37 => '░',
        _ => ' ',
    }
}

/// Adds how many lanes worked over time, as a line of bars.
pub(super) fn utilisation(out: &mut String, analysis: &Analysis, columns: usize) {
    /// Columns of the text that the line leaves free.
    const MARGIN: usize = 16;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let buckets = &analysis.utilisation;
    let most = buckets.iter().map(|bucket| bucket.capacity.max(bucket.working)).fold(0.0, f64::max);
    if buckets.is_empty() || most <= 0.0 {
        return;
    }
    let columns = (columns - MARGIN).min(buckets.len());
    let mean = |part: &[Bucket]| part.iter().map(|bucket| bucket.working).sum::<f64>() / part.len() as f64;
    let bar = |column: usize| {
        let from = column * buckets.len() / columns;
        let to = ((column + 1) * buckets.len() / columns).max(from + 1);
        BARS[((mean(&buckets[from..to]) / most * 8.0).round() as usize).min(8)]
    };
    let line: String = (0..columns).map(bar).collect();
    out.push_str(&format!("  {line}\n"));
    let end = duration(analysis.totals.wall_ns);
    let room = columns.saturating_sub(1);
    out.push_str(&format!("  0{end:>room$}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Totals;

    /// The table of lanes that waited so long for a core, of 1,000 ns.
    fn table(waited: &[Option<u64>]) -> String {
        let lane = |(number, run_queue_ns): (usize, &Option<u64>)| Lane {
            thread: format!("{number}. thread with a long name"),
            working_ns: 1_000,
            run_queue_ns: *run_queue_ns,
            strip: vec![[100, 0, 0, 0]; 128],
            ..Lane::default()
        };
        let totals = Totals { wall_ns: 1_000, ..Totals::default() };
        let analysis = Analysis { totals, lanes: waited.iter().enumerate().map(lane).collect(), ..Analysis::default() };
        let mut out = String::new();
        lanes(&mut out, &analysis, 80);
        out
    }

    #[test]
    fn waits_for_a_core_are_a_column_if_a_lane_waited_for_a_hundredth_of_the_time() {
        let shown = table(&[Some(10), Some(873), Some(0), Some(4), None]);
        let expected = [
            "                   working   lock   join  queue   idle  no core  over time",
            "  0. thread with…    100 %    0 %    0 %    0 %    0 %      1 %  ███████████████",
            "  1. thread with…    100 %    0 %    0 %    0 %    0 %     87 %  ███████████████",
            "  2. thread with…    100 %    0 %    0 %    0 %    0 %      0 %  ███████████████",
            "  3. thread with…    100 %    0 %    0 %    0 %    0 %     <1 %  ███████████████",
            "  4. thread with…    100 %    0 %    0 %    0 %    0 %           ███████████████",
            "  █ ▓ ▒ ░ worked all, 3, 2 or 1 quarter of the time, or waited longer than that:",
            "  / for a lock, \\ in a join, . for a queue; blank: idle, no span was open",
            "  no core: time in any of these in which the thread waited for a core",
        ];
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }

    #[test]
    fn a_table_without_waits_for_a_core_has_no_column_for_them() {
        let without = table(&[None, None]);
        assert!(!without.contains("core"), "{without}");
        assert_eq!(table(&[Some(9), None]), without);
    }

    #[test]
    fn a_lane_that_mostly_waited_is_never_shown_as_working() {
        for waited in [51, 75, 100] {
            let worked = 100 - waited;
            let shown = [[waited, 0, 0], [0, waited, 0], [0, 0, waited]].map(|waiting| glyph(worked, waiting));
            assert_eq!(shown, ['/', '\\', '.'], "{waited} %");
        }
        assert_eq!([glyph(30, [10, 20, 15]), glyph(30, [20, 10, 15]), glyph(30, [10, 15, 20])], ['\\', '/', '.']);
    }

    #[test]
    fn shades_are_quarters_of_the_time_and_nothing_is_blank() {
        assert_eq!([100, 88, 75, 50, 25, 12].map(|worked| glyph(worked, [0; 3])), ['█', '█', '▓', '▒', '░', ' ']);
        assert_eq!([glyph(0, [0, 0, 24]), glyph(60, [40, 0, 0])], [' ', '▒']);
    }
}
