//! [`analyse`]: everything about a run.

use crate::account::{self, Account};
use crate::analysis::{Analysis, Name, Step};
use crate::findings::{self, Case, Spread};
use crate::graph::{Because, CriticalPath, Graph};
use crate::lanes;
use crate::model::{LaneIx, Run, SpanIx};
use crate::parallel;
use crate::simulate::{Base, Change, MOST_NODES};
use std::collections::HashMap;

/// The version of [`Analysis`] as JSON.
const VERSION: u32 = 1;
/// At most so many steps of the critical path are kept: the longest ones.
const MOST_STEPS: usize = 2_000;

/// Options of [`analyse`].
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Other runs of the same program. Gains below the spread of the runs on the same number of lanes are noise. Runs on other
    /// numbers of lanes show whether spans take longer on more lanes ([`Name::by_lanes`]).
    pub others: &'a [Run],
    /// The wall times of further runs on as many lanes, nanoseconds: gains below their spread are noise too.
    pub walls: &'a [u64],
    /// A run of the same program on one lane, for the speed-up and the work inflation between runs.
    pub on_one_lane: Option<&'a Run>,
    /// A graph of more nodes than this is folded. The time that an analysis takes grows with it.
    pub most_nodes: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { others: &[], walls: &[], on_one_lane: None, most_nodes: MOST_NODES }
    }
}

/// Analyses a run: where its time went, what is to blame, and what changes would gain.
///
/// The same run gives the same analysis. Takes O(n log n) time for the dependencies of n spans, and simulates about 50 changed
/// schedules of at most [`Options::most_nodes`] nodes each.
///
/// ```
/// use heirloom_insight::{analyse, testing::Kit, Options};
///
/// let mut kit = Kit::new();
/// let main = kit.lane("main");
/// let root = kit.span(main, "run", None, 0..100);
/// kit.span(main, "read", Some(root), 10..40);
/// let analysis = analyse(&kit.run(), &Options::default());
/// assert_eq!((analysis.totals.work_ns, analysis.totals.critical_ns), (100, 100));
/// ```
#[must_use]
pub fn analyse(run: &Run, options: &Options<'_>) -> Analysis {
    let (mut analysis, graph) = outlined(run);
    if let Some(one) = options.on_one_lane {
        compare(&mut analysis, run, one);
    }
    let one = options.on_one_lane.filter(|one| !options.others.iter().any(|other| std::ptr::eq(other, *one)));
    let runs: Vec<&Run> = std::iter::once(run).chain(options.others).chain(one).collect();
    lanes::add(&mut analysis.names, &runs);
    let base = Base::new(run, &graph, options.most_nodes);
    let spread = Spread::of(run, options.others, options.walls);
    let case = Case { run, graph: &graph, base: &base, spread };
    if graph.scaled.is_some() {
        analysis.curve = base.curve_on_threads(Change::None, &base.lanes_of_curve());
    }
    analysis.what_ifs = findings::what_ifs(&case, &analysis);
    analysis.findings = findings::findings(&case, &analysis);
    analysis.notes = findings::notes(&case, &analysis);
    analysis.sentences = findings::sentences(&case, &analysis);
    analysis
}

/// What was recorded, without predictions, findings and sentences: the parts of [`analyse`] that a timeline shows.
#[must_use]
pub fn outline(run: &Run) -> Analysis {
    outlined(run).0
}

fn outlined(run: &Run) -> (Analysis, Graph) {
    let (account, (graph, path)) = parallel::both(
        // The own time of each span isn't part of an analysis, and the graph needs the memory.
        || Account { own_ns: Vec::new(), ..account::account(run) },
        || {
            let graph = Graph::new(run);
            let path = graph.critical_path();
            (graph, path)
        },
    );
    let mut analysis = from_account(run, account);
    add_path(&mut analysis, run, &graph, path);
    (analysis, graph)
}

fn from_account(run: &Run, account: Account) -> Analysis {
    let note = |note: &crate::model::Note| crate::analysis::Note { kind: note.kind, text: note.text.clone() };
    Analysis {
        version: VERSION,
        program: run.program.clone(),
        start_ns: run.window.start,
        notes: run.notes.iter().chain(&account.notes).map(note).collect(),
        totals: account.totals,
        lost: account.lost,
        lanes: account.lanes,
        utilisation: account.utilisation,
        names: account.names,
        locks: account.locks,
        tasks: account.tasks,
        observed_path: account.observed_path,
        ..Analysis::default()
    }
}

/// Adds the critical path, its length, and each name's part in it.
fn add_path(analysis: &mut Analysis, run: &Run, graph: &Graph, path: CriticalPath) {
    analysis.totals.critical_ns = path.finest;
    analysis.totals.parallelism = if path.finest == 0 { 0.0 } else { graph.work() as f64 / path.finest as f64 };
    let mut lengths = vec![0; run.names.len()];
    for (node, _) in &path.nodes {
        let node = &graph.nodes[*node as usize];
        if let Some(span) = node.span() {
            lengths[run.spans[span as usize].name as usize] += node.length();
        }
    }
    let of_name: HashMap<&str, u64> = run.names.iter().map(|name| &**name).zip(lengths).collect();
    for name in &mut analysis.names {
        name.critical_ns = of_name.get(name.name.as_str()).copied().unwrap_or(0);
    }
    analysis.critical_path = steps(run, graph, &path);
}

/// A step of the path, without its texts.
struct Stretch {
    span: SpanIx,
    lane: LaneIx,
    from: u64,
    to: u64,
    because: Because,
}

/// The path by spans: parts of one span that follow each other are one step. A long path has only its longest steps.
fn steps(run: &Run, graph: &Graph, path: &CriticalPath) -> Vec<Step> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut last = None;
    for (node, because) in &path.nodes {
        let node = &graph.nodes[*node as usize];
        let Some(span) = node.span() else {
            last = None;
            continue;
        };
        let from = node.start.saturating_sub(run.window.start);
        let to = from + node.length();
        match stretches.last_mut().filter(|_| last == Some(span)) {
            Some(stretch) => stretch.to = to,
            None => {
                let lane = node.lane().unwrap_or(run.spans[span as usize].lane);
                stretches.push(Stretch { span, lane, from, to, because: *because });
            }
        }
        last = Some(span);
    }
    if stretches.len() > MOST_STEPS {
        stretches.sort_unstable_by_key(|stretch| (u64::MAX - (stretch.to - stretch.from), stretch.from));
        stretches.truncate(MOST_STEPS);
        stretches.sort_by_key(|stretch| (stretch.from, stretch.to));
    }
    stretches.into_iter().map(|stretch| step(run, stretch)).collect()
}

fn step(run: &Run, Stretch { span, lane, from, to, because }: Stretch) -> Step {
    let row = &run.spans[span as usize];
    let name = run.names[row.name as usize].to_string();
    Step { span: row.id.to_string(), name, lane, from, to, because: because.word() }
}

/// The speed-up over a run on one lane, and the work inflation of each name: its work in this run divided by its work in that one
/// (Olivier et al., "Characterizing and Mitigating Work Time Inflation in Task Parallel Programs", SC 2012).
fn compare(analysis: &mut Analysis, run: &Run, one: &Run) {
    let wall = findings::wall(run);
    if wall > 0 {
        analysis.totals.speed_up = Some(findings::wall(one) as f64 / wall as f64);
    }
    let before: HashMap<String, Name> =
        account::account(one).names.into_iter().map(|row| (row.name.clone(), row)).collect();
    for name in &mut analysis.names {
        if let Some(row) = before.get(&name.name).filter(|row| row.own_ns > 0) {
            name.inflation = Some(name.own_ns as f64 / row.own_ns as f64);
        }
    }
}
