//! How a program scales, for people and as JSON.

use super::measure::Measured;
use super::{Inflated, Scaling};
use crate::terminal::{name, paragraph, shown, Paint};
use heirloom_insight::analysis::Point;
use heirloom_insight::text::units::{counted, duration};
use serde_json::{json, Value};
use std::io::{self, Write};

/// The most columns with numbers of lanes that fit a line.
const MAX_COLUMNS: usize = 5;
/// How many names are listed.
const MAX_NAMES: usize = 8;

/// Writes both curves, what inflates, and the sentences.
pub(super) fn plain(out: &mut impl Write, scaling: &Scaling, paint: Paint) -> io::Result<()> {
    let [.., most] = &scaling.measured[..] else { return Ok(()) };
    let fewest = &scaling.measured[0];
    let from = |lanes: u32| format!("from {}", counted(lanes.into(), "lane", "lanes"));
    let is_one = fewest.lanes == most.lanes;
    let head = format!("{:>5}{:>11}{:>9}{:>10}{:>27}", "lanes", "measured", "spread", "speed-up", "predicted");
    writeln!(out, "{}", paint.bold(&head))?;
    let second = if is_one { String::new() } else { from(most.lanes) };
    writeln!(out, "{:>49}{second:>15}", from(fewest.lanes))?;
    let mut is_beyond = false;
    for measured in &scaling.measured {
        let predicted = scaling.predicted.each_ref().map(|curve| point(curve, measured.lanes));
        is_beyond |= predicted.iter().flatten().any(|point| point.beyond);
        let [first, last] = predicted.map(|point| match point {
            Some(point) => format!("{}{}", duration(point.ns), if point.beyond { "*" } else { " " }),
            None => "- ".to_owned(),
        });
        let speed_up = fewest.median() as f64 / measured.median().max(1) as f64;
        let line = format!(
            "{:>5}{:>11}{:>7.0} %{speed_up:>9.2}x{first:>15}{:>15}",
            measured.lanes,
            duration(measured.median()),
            measured.spread() * 100.0,
            if is_one { "" } else { &last },
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    if is_beyond {
        writeln!(out, "{}", paint.dim("* beyond what was measured, or the physical cores"))?;
    }
    names(out, scaling, paint)?;
    if !scaling.sentences.is_empty() {
        writeln!(out, "\n{}", paint.bold(&format!("With {}", counted(most.lanes.into(), "lane", "lanes"))))?;
        scaling.sentences.iter().try_for_each(|sentence| paragraph(out, &shown(sentence)))?;
    }
    Ok(())
}

fn point(curve: &[Point], lanes: u32) -> Option<&Point> {
    curve.iter().find(|point| point.lanes == lanes)
}

/// The names that inflate, with as many numbers of lanes as fit.
fn names(out: &mut impl Write, scaling: &Scaling, paint: Paint) -> io::Result<()> {
    if scaling.inflated.is_empty() {
        return Ok(());
    }
    let columns = columns(scaling.measured.len());
    let mut head = format!("{:<24}", "time in spans, in all");
    columns.iter().for_each(|column| head.push_str(&format!("{:>9}", scaling.measured[*column].lanes)));
    writeln!(out, "\n{}", paint.bold(&head))?;
    for Inflated { name: label, own_ns, factor } in scaling.inflated.iter().take(MAX_NAMES) {
        let shown = name(label);
        let mut line = match shown.chars().count() < 24 {
            true => format!("{shown:<24}"),
            false => format!("{}… ", shown.chars().take(22).collect::<String>()),
        };
        columns.iter().for_each(|column| line.push_str(&format!("{:>9}", duration(own_ns[*column]))));
        writeln!(out, "{line}  {}", paint.red(&format!("{factor:.1}x")))?;
    }
    writeln!(out, "{}", paint.dim("The same work takes longer: memory, cache lines, hyper-threads, or no free core."))
}

/// The first, the last, and those between that fit.
fn columns(all: usize) -> Vec<usize> {
    let skipped = all.saturating_sub(MAX_COLUMNS);
    (0..all).filter(|column| *column == 0 || *column > skipped).collect()
}

/// Writes everything as one object.
pub(super) fn json(out: &mut impl Write, scaling: &Scaling) -> io::Result<()> {
    let lanes = scaling.measured.iter().map(|measured: &Measured| {
        let [first, last] =
            scaling.predicted.each_ref().map(|curve| point(curve, measured.lanes).map(|point| point.ns));
        json!({
            "lanes": measured.lanes, "walls_ns": measured.walls, "median_ns": measured.median(),
            "predicted_from_fewest_ns": first, "predicted_from_most_ns": last,
        })
    });
    let names =
        scaling.inflated.iter().map(|one| json!({ "name": one.name, "own_ns": one.own_ns, "factor": one.factor }));
    let all = json!({
        "lanes": lanes.collect::<Vec<Value>>(),
        "inflated": names.collect::<Vec<Value>>(),
        "sentences": scaling.sentences,
    });
    writeln!(out, "{all:#}")
}
