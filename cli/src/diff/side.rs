//! [`Side`]: the runs of one side, and their comparison with the other's.

use super::stats::{median, Compared};
use super::{Lone, NameRow, Row, Table};
use crate::args::General;
use crate::failure::Failure;
use crate::progress::during;
use crate::report::analysing;
use heirloom_insight::account::{account, Account};
use heirloom_insight::analysis::Cause;
use heirloom_insight::model::Run;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How many names are compared: those whose own time differs most. Each takes about four milliseconds for ten runs.
const MAX_NAMES: usize = 1000;

/// The runs of one side.
#[derive(Debug)]
pub(super) struct Side {
    runs: Vec<Summary>,
    files: Vec<PathBuf>,
    /// The only run of a side that has one, if it is to be drawn.
    only: Option<Run>,
}

/// What is compared of a run. The run itself isn't kept.
#[derive(Debug)]
struct Summary {
    wall_ns: u64,
    work_ns: u64,
    lost: BTreeMap<Cause, u64>,
    names: BTreeMap<String, Name>,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    count: u64,
    own_ns: u64,
    median_ns: u64,
}

impl Side {
    /// Reads the files, each as a run. If one of them `is_drawn` later, it is read again, so all can't be standard input.
    pub(super) fn read(files: &[PathBuf], general: &General, is_drawn: bool) -> Result<Self, Failure> {
        if is_drawn && files.len() > 1 && files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Failure::Unusable(
                "--html reads the median run of a side again: expected files instead of standard input".to_owned(),
            ));
        }
        let (mut runs, mut only) = (Vec::new(), None);
        for file in files {
            let run = crate::runs::one(std::slice::from_ref(file), general)?;
            runs.push(Summary::of(during(&analysing(&run), || account(&run))));
            only = Some(run).filter(|_| is_drawn && files.len() == 1);
        }
        Ok(Self { runs, files: files.to_vec(), only })
    }

    /// How many runs there are.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The run with the median wall time, and its file.
    pub(super) fn median(&mut self, general: &General) -> Result<(Run, &Path), Failure> {
        let mut order: Vec<usize> = (0..self.runs.len()).collect();
        order.sort_by_key(|run| self.runs[*run].wall_ns);
        let file = &self.files[order[(order.len() - 1) / 2]];
        let run = match self.only.take() {
            Some(run) => run,
            None => crate::runs::one(std::slice::from_ref(file), &General { strict: false, ..general.clone() })?,
        };
        Ok((run, file))
    }

    /// Compares all figures.
    pub(super) fn against(&self, other: &Self) -> Table {
        let row = |label: &str, figure: &dyn Fn(&Summary) -> u64| Row {
            label: label.to_owned(),
            compared: Compared::new(&self.each(figure), &other.each(figure)),
        };
        let causes: BTreeSet<Cause> =
            self.runs.iter().chain(&other.runs).flat_map(|run| run.lost.keys().copied()).collect();
        let lost = |cause: Cause| row(text(cause), &move |run| run.lost.get(&cause).copied().unwrap_or(0));
        let mut lost: Vec<Row> =
            causes.into_iter().map(lost).filter(|row| row.compared.a.max(row.compared.b) > 0).collect();
        lost.sort_by_key(|row| std::cmp::Reverse(row.compared.a.max(row.compared.b)));
        let [mine, theirs] = [self, other].map(Side::names);
        let mut both: Vec<&String> = mine.keys().filter(|name| theirs.contains_key(*name)).collect();
        both.sort_by_key(|name| std::cmp::Reverse(mine[*name].own_ns.abs_diff(theirs[*name].own_ns)));
        let names = both.iter().take(MAX_NAMES).map(|name| {
            let compared = |figure: fn(&Name) -> u64| {
                let compared = Compared::new(&self.of_name(name, figure), &other.of_name(name, figure));
                Row { label: (*name).clone(), compared }
            };
            let counts = [mine[*name].count, theirs[*name].count];
            NameRow { row: compared(|name| name.median_ns), own: compared(|name| name.own_ns), counts }
        });
        let counts = both.iter().map(|name| ((*name).clone(), mine[*name].count, theirs[*name].count));
        let only = |one: &BTreeMap<String, Name>, other: &BTreeMap<String, Name>| {
            let lone = one.iter().filter(|(name, _)| !other.contains_key(*name)).map(|(name, figures)| Lone {
                name: name.clone(),
                own_ns: figures.own_ns,
                median_ns: figures.median_ns,
                count: figures.count,
            });
            lone.collect()
        };
        Table {
            runs: [self.runs.len(), other.runs.len()],
            wall: row("wall time", &|run| run.wall_ns),
            work: row("work of all lanes", &|run| run.work_ns),
            lost,
            names: names.collect(),
            only: [only(&mine, &theirs), only(&theirs, &mine)],
            counts: counts.filter(|(_, a, b)| a != b).collect(),
        }
    }

    fn each(&self, figure: &dyn Fn(&Summary) -> u64) -> Vec<u64> {
        self.runs.iter().map(figure).collect()
    }

    /// A figure of a name in the runs that have it.
    fn of_name(&self, name: &str, figure: fn(&Name) -> u64) -> Vec<u64> {
        self.runs.iter().filter_map(|run| run.names.get(name)).map(figure).collect()
    }

    /// Each name, with the median of the runs that have it.
    fn names(&self) -> BTreeMap<String, Name> {
        let all: BTreeSet<&String> = self.runs.iter().flat_map(|run| run.names.keys()).collect();
        let of = |name: &String, figure: fn(&Name) -> u64| {
            median(&mut self.runs.iter().filter_map(|run| run.names.get(name)).map(figure).collect::<Vec<_>>())
        };
        let name = |name: &String| Name {
            count: of(name, |name| name.count),
            own_ns: of(name, |name| name.own_ns),
            median_ns: of(name, |name| name.median_ns),
        };
        all.into_iter().map(|one| (one.clone(), name(one))).collect()
    }
}

impl Summary {
    fn of(account: Account) -> Self {
        let names = account.names.into_iter().map(|name| {
            let figures = Name { count: name.count, own_ns: name.own_ns, median_ns: name.median_ns };
            (name.name, figures)
        });
        Self {
            wall_ns: account.totals.wall_ns,
            work_ns: account.totals.work_ns,
            lost: account.lost.iter().map(|lost| (lost.cause, lost.ns)).collect(),
            names: names.collect(),
        }
    }
}

/// Lost time of a cause, in a few words.
fn text(cause: Cause) -> &'static str {
    match cause {
        Cause::Serial => "lost: serial",
        Cause::Straggler => "lost: straggler",
        Cause::Lock => "lost: lock",
        Cause::EmptyQueue => "lost: empty queue",
        Cause::FullQueue => "lost: full queue",
        Cause::Dispatch => "lost: dispatch",
        Cause::SmallChunks => "lost: small chunks",
        Cause::BuriedJoin => "lost: buried join",
        Cause::BlockedExecutor => "lost: blocked executor",
        Cause::OffCpu => "lost: off the CPU",
        Cause::StartUp => "lost: start-up",
        Cause::Machine => "lost: machine",
        Cause::Untraced => "lost: untraced",
        Cause::Tracing => "lost: tracing",
        Cause::Unexplained => "lost: unexplained",
    }
}
