//! What an analysis names first, and whether it is right.

use crate::expect::Cure;
use crate::{Program, Work};
use heirloom_insight::analysis::{Analysis, Blame, Cause, Finding, Lost};

/// A cause that took less of the capacity is not worth a finding.
const LEAST_LOST: f64 = 0.1;

/// What an analysis names first.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The cause of the first finding that isn't noise. If there is none, the largest cause of lost time, if it took a tenth of the
    /// capacity. `None`: nothing to gain.
    pub cause: Option<Cause>,
    /// What is wrong with it; empty if it is right.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// What the analysis names first, held against what is planted in the program.
    pub fn new(program: &Program, analysis: &Analysis) -> Self {
        let expected = &program.expected;
        let counts = |finding: &&Finding| program.work == Work::Computed || finding.cause != Cause::OffCpu;
        let finding = analysis.findings.iter().filter(counts).find(|finding| !finding.noise);
        let lost = analysis.lost.first().filter(|lost| part(lost, analysis) >= LEAST_LOST);
        let cause = finding.map(|finding| finding.cause).or(lost.map(|lost| lost.cause));
        let mut wrong = Vec::new();
        match cause {
            None if expected.causes.is_empty() => {}
            None => wrong.push(format!("expected {:?}, found nothing to gain", expected.causes)),
            Some(cause) if !expected.causes.contains(&cause) => {
                wrong.push(format!("expected {:?}, found {cause:?}", expected.causes));
            }
            Some(_)
                if !(finding.is_some_and(|f| says(f, expected.blamed))
                    || lost.is_some_and(|l| blames(l, expected.blamed))) =>
            {
                wrong.push(format!("doesn't name `{}`", expected.blamed));
            }
            Some(_) => {}
        }
        if let Some(lost) = lost.filter(|lost| cause.is_some() && !expected.causes.contains(&lost.cause)) {
            wrong.push(format!("the first sentence names {:?}", lost.cause));
        }
        for words in [expected.says, expected.blamed] {
            if !analysis.sentences.iter().any(|sentence| sentence.contains(words)) {
                wrong.push(format!("no sentence says \"{words}\""));
            }
        }
        let nothing =
            |sentence: &String| sentence.contains("Nothing to gain") || sentence.contains("nothing is recommended");
        if expected.causes.is_empty() && expected.cure == Cure::Nothing && !analysis.sentences.iter().any(nothing) {
            wrong.push(String::from("no sentence says that there is nothing to gain"));
        }
        Self { cause, wrong }
    }
}

/// Whether the finding's sentence or its figures name this.
fn says(finding: &Finding, blamed: &str) -> bool {
    let figures = finding.evidence.iter().flat_map(|figure| [&figure.label, &figure.value]);
    figures.chain([&finding.text]).any(|text| text.contains(blamed))
}

/// Whether this is what is blamed most for the lost time.
fn blames(lost: &Lost, blamed: &str) -> bool {
    let is = |blame: &Blame| blame.name == blamed || blame.lock.as_deref() == Some(blamed);
    blamed.is_empty() || lost.blamed.first().is_some_and(is)
}

fn part(lost: &Lost, analysis: &Analysis) -> f64 {
    lost.ns as f64 / analysis.totals.capacity_ns.max(1) as f64
}

/// The part of the capacity that no cause explains.
pub fn unexplained(analysis: &Analysis) -> f64 {
    analysis.lost.iter().filter(|lost| lost.cause == Cause::Unexplained).map(|lost| part(lost, analysis)).sum()
}
