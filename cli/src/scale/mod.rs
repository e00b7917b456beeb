//! `heirloom scale`: runs a program on 1, 2, 4, .. lanes and shows how it scales, and how it was predicted to.

mod measure;
mod text;

use crate::args::{General, Scale};
use crate::failure::Failure;
use crate::progress::during;
use crate::report::analysing;
use crate::runs;
use crate::terminal::{out, Paint};
use heirloom_insight::analysis::{Analysis, Point};
use heirloom_insight::{analyse, Options};
use measure::{Measured, Runner};
use std::collections::BTreeMap;
use std::io::Write;

/// A name of spans, and the time of its spans in all, for each number of lanes.
#[derive(Debug)]
struct Inflated {
    name: String,
    own_ns: Vec<u64>,
    /// How many times as long with the most lanes as with the fewest.
    factor: f64,
}

/// How a program scales.
#[derive(Debug)]
struct Scaling {
    measured: Vec<Measured>,
    /// Predicted from a run on the fewest lanes, and from one on the most.
    predicted: [Vec<Point>; 2],
    inflated: Vec<Inflated>,
    sentences: Vec<String>,
}

/// A name inflates if its spans take so many times as long in all.
const INFLATES: f64 = 1.15;
/// Names with a smaller part of the work aren't looked at.
const SMALLEST_PART: f64 = 0.01;

/// Runs the subcommand.
pub(crate) fn run(args: &Scale, general: &General) -> Result<(), Failure> {
    let lanes = lanes(args)?;
    let measured = Runner::new(args)?.run(&lanes, args.runs, general)?;
    let (fewest, most) = match &measured.of[..] {
        [fewest, .., most] => (fewest, most),
        [one] => (one, one),
        [] => return Err(Failure::Unusable("expected a number of lanes".to_owned())),
    };
    let read = |measured: &Measured| runs::one(std::slice::from_ref(&measured.median_file), general);
    let (on_fewest, on_most) = (read(fewest)?, read(most)?);
    let one_lane = (fewest.lanes == 1 && most.lanes > 1).then_some(&on_fewest);
    let others = most.others();
    let options = Options { walls: &others, on_one_lane: one_lane, ..Options::default() };
    let analysis: Analysis = during(&analysing(&on_most), || analyse(&on_most, &options));
    let from_fewest = during(&analysing(&on_fewest), || analyse(&on_fewest, &Options::default())).curve;
    let inflated = inflated(&measured.of);
    let scaling = Scaling {
        predicted: [from_fewest, analysis.curve],
        inflated,
        sentences: analysis.sentences,
        measured: measured.of,
    };
    let mut out = out();
    match args.json {
        true => text::json(&mut out, &scaling)?,
        false => text::plain(&mut out, &scaling, Paint::new(general.color))?,
    }
    Ok(out.flush()?)
}

/// The numbers of lanes, in order: those that are asked for, or 1, 2, 4, .. and all CPUs.
fn lanes(args: &Scale) -> Result<Vec<u32>, Failure> {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
    let mut lanes = match args.lanes.is_empty() {
        true => powers(cpus),
        false => args.lanes.clone(),
    };
    lanes.sort_unstable();
    lanes.dedup();
    match lanes.first() {
        Some(0) => Err(Failure::Unusable("--lanes 0: expected numbers from 1".to_owned())),
        _ => Ok(lanes),
    }
}

fn powers(cpus: u32) -> Vec<u32> {
    let powers = std::iter::successors(Some(1_u32), |lanes| lanes.checked_mul(2));
    powers.take_while(|lanes| *lanes < cpus).chain([cpus]).collect()
}

/// The names whose spans take longer in all with more lanes, by the time that they gain.
fn inflated(measured: &[Measured]) -> Vec<Inflated> {
    let [fewest, .., most] = measured else { return Vec::new() };
    let least = (most.names.values().sum::<u64>() as f64 * SMALLEST_PART) as u64;
    let of = |names: &BTreeMap<String, u64>, name: &str| names.get(name).copied().unwrap_or(0);
    let mut inflated: Vec<Inflated> = Vec::new();
    for (name, own) in &most.names {
        let before = of(&fewest.names, name);
        let factor = if before == 0 { 0.0 } else { *own as f64 / before as f64 };
        if factor >= INFLATES && *own >= least {
            let own_ns = measured.iter().map(|measured| of(&measured.names, name)).collect();
            inflated.push(Inflated { name: name.clone(), own_ns, factor });
        }
    }
    let gained = |one: &Inflated| one.own_ns.last().copied().unwrap_or(0) - one.own_ns.first().copied().unwrap_or(0);
    inflated.sort_by_key(|one| std::cmp::Reverse(gained(one)));
    inflated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_powers_of_two_and_all_cpus() {
        assert_eq!([powers(1), powers(2), powers(6)], [vec![1], vec![1, 2], vec![1, 2, 4, 6]]);
    }

    #[test]
    fn names_that_take_longer_in_all_inflate_and_small_ones_are_left_out() {
        let measured = |lanes, names: &[(&str, u64)]| Measured {
            lanes,
            walls: vec![100],
            median_file: "x".into(),
            names: names.iter().map(|(name, ns)| ((*name).to_owned(), *ns)).collect(),
        };
        let all = [
            measured(1, &[("hash", 100), ("read", 50), ("tiny", 1)]),
            measured(2, &[("hash", 240), ("read", 52), ("tiny", 2), ("new", 50)]),
        ];
        let found = inflated(&all);
        assert_eq!(found.iter().map(|one| (&*one.name, one.factor)).collect::<Vec<_>>(), [("hash", 2.4)]);
        assert_eq!(found[0].own_ns, [100, 240]);
        assert!(inflated(&all[..1]).is_empty());
    }
}
