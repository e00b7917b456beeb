//! Lanes with a strip over time, and the line of utilisation.

use super::layout::left;
use super::units::{duration, percent, share};
use crate::analysis::{Analysis, Bucket, Lane};
use crate::sorted;

/// How many columns a strip has.
const STRIP: usize = 32;
/// At most so many lanes are shown.
const MOST_LANES: usize = 32;

/// Adds the lanes, those with the most work first if there are many.
pub(super) fn lanes(out: &mut String, analysis: &Analysis) {
    let wall = analysis.totals.wall_ns;
    let mut shown: Vec<&Lane> = analysis.lanes.iter().collect();
    if shown.len() > MOST_LANES {
        sorted::by_key(&mut shown, |lane| u64::MAX - lane.working_ns);
        shown.truncate(MOST_LANES);
    }
    out.push_str(&format!("  {}  working     lock  waiting  over time\n", left("", 14)));
    for lane in &shown {
        let waiting = lane.join_ns + lane.queue_ns;
        let cells = [lane.working_ns, lane.lock_ns, waiting].map(|ns| percent(share(ns, wall)));
        let line = format!(
            "  {}  {:>7}  {:>7}  {:>7}  {}",
            left(&lane.thread, 14),
            short(&cells[0]),
            short(&cells[1]),
            short(&cells[2]),
            strip(lane)
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if analysis.lanes.len() > shown.len() {
        out.push_str(&format!("  and {} more\n", analysis.lanes.len() - shown.len()));
    }
    out.push_str("  █ ▓ ▒ ░ working all, three, two or one quarter of the time; - blocked\n");
}

fn short(percent: &str) -> String {
    percent.replace("under 1 %", "<1 %")
}

/// One character for each part of the run.
fn strip(lane: &Lane) -> String {
    let parts = lane.strip.len();
    if parts == 0 {
        return String::new();
    }
    (0..STRIP.min(parts))
        .map(|column| {
            let from = column * parts / STRIP.min(parts);
            let to = ((column + 1) * parts / STRIP.min(parts)).max(from + 1);
            let sum = |ix: usize| {
                lane.strip[from..to].iter().map(|part| u32::from(part[ix])).sum::<u32>() / (to - from) as u32
            };
            glyph(sum(0), sum(1))
        })
        .collect()
}

/// `working` and `blocked` are in percent.
fn glyph(working: u32, blocked: u32) -> char {
    match working {
        88.. => '█',
        63..=87 => '▓',
        38..=62 => '▒',
        13..=37 => '░',
        _ if blocked >= 25 => '-',
        _ => ' ',
    }
}

/// Adds how many lanes worked over time, as a line of bars.
pub(super) fn utilisation(out: &mut String, analysis: &Analysis) {
    const COLUMNS: usize = 64;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let buckets = &analysis.utilisation;
    let most = buckets.iter().map(|bucket| bucket.capacity.max(bucket.working)).fold(0.0, f64::max);
    if buckets.is_empty() || most <= 0.0 {
        return;
    }
    let columns = COLUMNS.min(buckets.len());
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
