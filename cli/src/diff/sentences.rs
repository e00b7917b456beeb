//! A comparison in two or three sentences: the wall time, the name and the kind of lost time that changed most.

use super::stats::{Compared, Verdict, FEWEST};
use super::{NameRow, Table};
use heirloom_insight::text::units::{count, counted, duration};

/// Lost time that changed by a smaller part of the wall time isn't mentioned.
const SMALLEST: f64 = 0.01;

/// The sentences. `shown` makes a name fit the place where they are shown.
pub(super) fn sentences(table: &Table, shown: fn(&str) -> String) -> Vec<String> {
    let mut all = vec![wall(table)];
    let is_known = table.runs.iter().all(|runs| *runs >= FEWEST);
    if !is_known {
        all.push(format!("At least {FEWEST} runs a side are needed to tell a change from noise."));
    }
    let difference = |name: &&NameRow| name.own.compared.a.abs_diff(name.own.compared.b);
    match table.names.iter().filter(|name| is_change(&name.own.compared)).max_by_key(difference) {
        Some(changed) => all.push(name(changed, &shown(&changed.row.label))),
        None if table.names.is_empty() || !is_known => {}
        None => all.push("The time in the spans of each name changed by no more than noise.".to_owned()),
    }
    all.extend(lost(table));
    all
}

/// Whether it isn't known to be noise.
fn is_change(compared: &Compared) -> bool {
    compared.a != compared.b && compared.verdict() != Verdict::Noise
}

fn wall(table: &Table) -> String {
    let compared = &table.wall.compared;
    let [a, b] = [compared.a, compared.b].map(duration);
    let Some(change) = compared.change else { return format!("B takes {b} and A {a}.") };
    let interval = interval(compared).map_or_else(String::new, |interval| {
        let runs = match table.runs {
            [a, b] if a == b => format!("{a} runs a side"),
            [a, b] => format!("{a} runs of A, {b} of B"),
        };
        format!(" (95 % interval: {interval}; {runs})")
    });
    match compared.verdict() {
        _ if percent(change) == "0" => format!("B takes as long as A: {b}{interval}."),
        Verdict::Noise => format!("B takes {b} and A {a}: {} %, which is noise{interval}.", percent(change)),
        _ => {
            let size = percent(change).trim_start_matches(['+', '-']).to_owned();
            let than = if change > 0.0 { "longer" } else { "less time" };
            format!("B takes {size} % {than} than A: {b} instead of {a}{interval}.")
        }
    }
}

fn name(changed: &NameRow, name: &str) -> String {
    let compared = &changed.own.compared;
    let [a, b] = [compared.a, compared.b].map(duration);
    let [median_a, median_b] = [changed.row.compared.a, changed.row.compared.b].map(duration);
    let the = if compared.interval.is_some() { "Beyond noise, the" } else { "The" };
    let interval = interval(compared).map_or_else(String::new, |interval| format!(" ({interval})"));
    let spans = match changed.counts {
        [1, 1] => String::new(),
        [one, other] if one == other => {
            format!("; the median of its {} spans is {median_b} instead of {median_a}", count(one))
        }
        [one, other] => format!(
            "; it has {} instead of {}, with a median of {median_b} instead of {median_a}",
            counted(other, "span", "spans"),
            count(one)
        ),
    };
    format!("{the} time in `{name}` changed most: {b} a run instead of {a}{interval}{spans}.")
}

/// The kind of lost time that changed most.
fn lost(table: &Table) -> Option<String> {
    let wall = table.wall.compared.a.max(table.wall.compared.b) as f64;
    let difference = |compared: &Compared| compared.a.abs_diff(compared.b);
    let changed = table.lost.iter().filter(|row| is_change(&row.compared));
    let most = changed.max_by_key(|row| difference(&row.compared))?;
    if (difference(&most.compared) as f64) < wall * SMALLEST {
        return None;
    }
    let cause = most.label.trim_start_matches("lost: ");
    let [a, b] = [most.compared.a, most.compared.b].map(duration);
    Some(format!("Of the lost time, that by \"{cause}\" changed most: {b} instead of {a}."))
}

fn interval(compared: &Compared) -> Option<String> {
    compared.interval.map(|(low, high)| format!("{} to {} %", percent(low), percent(high)))
}

/// A ratio in percent, with its sign.
pub(super) fn percent(change: f64) -> String {
    match change * 100.0 {
        percent if percent.abs() < 0.05 => "0".to_owned(),
        percent if percent.abs() >= 1000.0 => format!("{percent:+.0}"),
        percent => format!("{percent:+.1}"),
    }
}
