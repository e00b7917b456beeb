//! Comparisons of two invented runs. The intervals are made up.

use crate::analyse;
use crate::generate::{self, Plan};
use heirloom_insight::analysis::{Analysis, Name};
use heirloom_insight::html::{self, Compared, Comparison, Figure, Verdict};
use heirloom_insight::model::Run;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Both sides of a case.
pub(crate) fn sides(case: &str) -> Option<[Plan; 2]> {
    let plan = |case: &str| generate::plan(case);
    Some(match case {
        // Other numbers of threads, so another number of rows and another length.
        "comparison" => [plan("pipeline")?, Plan { workers: 3, ..plan("pipeline")? }],
        "comparison-hostile" => [plan("hostile")?, Plan { workers: 2, ..plan("hostile")? }],
        _ => return None,
    })
}

pub(crate) fn write(plans: [Plan; 2], path: &Path) -> io::Result<()> {
    let [a, b] = plans.map(|plan| {
        let mut run = generate::run(&plan);
        // A part of two other names.
        run.names.iter_mut().filter(|name| &***name == "query").for_each(|name| *name = "code".into());
        let analysis = analyse::analyse(&run, &plan);
        (run, analysis)
    });
    let comparison = compare(&a, &b);
    let mut out = BufWriter::new(File::create(path)?);
    html::compare([(&a.0, &a.1), (&b.0, &b.1)], &comparison, &mut out)?;
    out.flush()
}

fn compare((_, a): &(Run, Analysis), (_, b): &(Run, Analysis)) -> Comparison {
    let wall = figure("wall time", a.totals.wall_ns, b.totals.wall_ns);
    let find = |of: &Analysis, name: &str| of.names.iter().find(|row| row.name == name).cloned();
    let all: BTreeSet<&str> = a.names.iter().chain(&b.names).map(|row| row.name.as_str()).collect();
    let mut names: Vec<html::Name> = all
        .into_iter()
        .map(|name| {
            let [of_a, of_b] = [find(a, name), find(b, name)];
            let both = |value: fn(&Name) -> u64| [&of_a, &of_b].map(|row| row.as_ref().map_or(0, value));
            let figure_of = |value| {
                let [a_ns, b_ns] = both(value);
                figure(name, a_ns, b_ns)
            };
            html::Name {
                counts: both(|row| row.count),
                own: figure_of(|row| row.own_ns),
                median: figure_of(|row| row.median_ns),
            }
        })
        .collect();
    names.sort_by_key(|row| std::cmp::Reverse(row.own.a_ns.abs_diff(row.own.b_ns)));
    let most = names[0].median.label.clone();
    Comparison {
        sentences: vec![
            "B takes 26 % longer than A (95 % interval: +22.0 to +31.0 %, 5 runs a side).".to_owned(),
            format!("The time in `{most}` changed most."),
        ],
        sides: [Compared { runs: 5, file: "a/3.otlp".to_owned() }, Compared { runs: 1, file: "b/1.otlp".to_owned() }],
        figures: vec![
            wall,
            figure("work of all lanes", a.totals.work_ns, b.totals.work_ns),
            figure("lost: lock", 0, 7_000_000),
        ],
        names,
    }
}

fn figure(label: &str, a_ns: u64, b_ns: u64) -> Figure {
    let change = (a_ns > 0).then(|| b_ns as f64 / a_ns as f64 - 1.0);
    let verdict = match change {
        None => Verdict::Unknown,
        Some(change) if change > 0.05 => Verdict::More,
        Some(change) if change < -0.05 => Verdict::Less,
        Some(_) => Verdict::Noise,
    };
    let interval = change.map(|change| (change - 0.04, change + 0.05));
    Figure { label: label.to_owned(), a_ns, b_ns, change, interval, verdict }
}
