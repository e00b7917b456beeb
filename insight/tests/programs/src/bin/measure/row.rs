//! [`Row`]: what one program gave.

use heirloom_insight::analysis::Analysis;
use heirloom_insight::model::Run;
use heirloom_insight::{analyse, read, Options};
use heirloom_planted::expect::Cure;
use heirloom_planted::runs::Runs;
use heirloom_planted::verdict::{unexplained, Verdict};
use heirloom_planted::{Plan, Program};
use std::io;
use std::path::PathBuf;

/// A prediction may be off by this part of the wall time.
const MOST_OFF: f64 = 0.10;
/// This part of the capacity may be unexplained.
const MOST_UNEXPLAINED: f64 = 0.05;

/// What one program gave.
pub(crate) struct Row {
    pub(crate) program: &'static Program,
    /// Wall times of the slow form in nanoseconds, sorted.
    pub(crate) slow: Vec<u64>,
    /// Wall times of the mended form in nanoseconds, sorted.
    pub(crate) mended: Vec<u64>,
    /// What the analysis of the slow run of median length names.
    pub(crate) verdict: Verdict,
    /// The predicted wall time with the cure, of that run, in nanoseconds.
    pub(crate) predicted: Option<u64>,
    pub(crate) analysis: Analysis,
}

impl Row {
    /// Runs both forms of a program so often, in turn, so that what changes on the machine meanwhile changes both. Nothing is read
    /// of the mended form before the prediction is `stated`.
    pub(crate) fn measure(
        program: &'static Program,
        runs: &Runs,
        count: usize,
        scale: f64,
        stated: impl FnOnce(&str),
    ) -> io::Result<Self> {
        let slow = Plan { mended: false, lanes: program.lanes, scale };
        let mended = Plan { mended: true, lanes: program.mended_lanes, scale };
        let (mut slow_traces, mut mended_traces) = (Vec::new(), Vec::new());
        for number in 0..count {
            slow_traces.push(runs.record(program, &slow, number)?);
            mended_traces.push(runs.record(program, &mended, number)?);
        }
        let mut slow_runs = read(&slow_traces)?;
        let (median, run) = slow_runs.swap_remove(count / 2);
        let (mut walls, others): (Vec<u64>, Vec<Run>) = slow_runs.into_iter().unzip();
        walls.push(median);
        walls.sort_unstable();
        let one = match program.on_one_lane {
            true => read(&[runs.record(program, &Plan { lanes: 1, ..slow }, 0)?])?.pop().map(|(_, run)| run),
            false => None,
        };
        let analysis = analyse(&run, &Options { others: &others, on_one_lane: one.as_ref(), ..Options::default() });
        let predicted = program.expected.cure.predict(&run, &analysis, scale);
        let mut row = Self {
            program,
            slow: walls,
            mended: Vec::new(),
            verdict: Verdict::new(program, &analysis),
            predicted,
            analysis,
        };
        stated(&row.prediction());

        row.mended = read(&mended_traces)?.into_iter().map(|(wall, _)| wall).collect();
        Ok(row)
    }

    /// The cause and the predicted gain, in words.
    fn prediction(&self) -> String {
        let cause = self.verdict.cause.map_or_else(|| String::from("nothing to gain"), |cause| format!("{cause:?}"));
        match self.predicted_gain() {
            Some(gain) => format!("{cause}; {} gains {:.1} %", self.program.expected.cure, 100.0 * gain),
            None => format!("{cause}; nothing is predicted"),
        }
    }

    /// The predicted gain, as a part of the slow form's wall time.
    pub(crate) fn predicted_gain(&self) -> Option<f64> {
        Some(1.0 - self.predicted? as f64 / median(&self.slow))
    }

    /// The measured gain, as a part of the slow form's wall time.
    pub(crate) fn measured_gain(&self) -> f64 {
        1.0 - median(&self.mended) / median(&self.slow)
    }

    /// The predicted gain without the measured one.
    pub(crate) fn off(&self) -> Option<f64> {
        Some(self.predicted_gain()? - self.measured_gain())
    }

    /// The part of the capacity that no cause explains.
    pub(crate) fn unexplained(&self) -> f64 {
        unexplained(&self.analysis)
    }

    /// Whether all is as it should be.
    pub(crate) fn is_right(&self) -> bool {
        self.wrong().is_empty()
    }

    /// What isn't as it should be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = self.verdict.wrong.clone();
        match self.off() {
            None if self.program.expected.cure == Cure::Unknown => {}
            None => wrong.push(String::from("nothing is predicted")),
            Some(off) if off.abs() > MOST_OFF => {
                wrong.push(format!("the prediction is off by {:.0} %", 100.0 * off.abs()))
            }
            Some(_) => {}
        }
        if self.unexplained() > MOST_UNEXPLAINED {
            wrong.push(format!("{:.0} % of the capacity is unexplained", 100.0 * self.unexplained()));
        }
        wrong
    }

    /// What the analysis says, in words.
    pub(crate) fn said(&self) -> String {
        let lost = self.analysis.lost.iter().map(|lost| {
            let share = 100.0 * lost.ns as f64 / self.analysis.totals.capacity_ns.max(1) as f64;
            let blamed: Vec<&str> =
                lost.blamed.iter().take(3).map(|blame| blame.lock.as_deref().unwrap_or(&blame.name)).collect();
            format!("  {share:5.1} % {:?}: {}\n", lost.cause, blamed.join(", "))
        });
        let findings = self.analysis.findings.iter().map(|finding| {
            let noise = if finding.noise { " (noise)" } else { "" };
            format!("  {:5.1} % {:?}{noise}: {}\n", 100.0 * finding.gain, finding.cause, finding.text)
        });
        let notes = self.analysis.notes.iter().map(|note| format!("  {:?}: {}\n", note.kind, note.text));
        let sentences = self.analysis.sentences.iter().map(|sentence| format!("{sentence}\n"));
        let parts = ["lost:\n".to_owned()].into_iter().chain(lost).chain(["findings:\n".to_owned()]).chain(findings);
        sentences.chain(parts).chain(["notes:\n".to_owned()]).chain(notes).collect()
    }
}

/// The median, of sorted numbers.
pub(crate) fn median(sorted: &[u64]) -> f64 {
    sorted[sorted.len() / 2] as f64
}

fn wall(run: &Run) -> u64 {
    run.window.end.saturating_sub(run.window.start)
}

/// Reads traces: wall times and runs, by wall time.
fn read(traces: &[PathBuf]) -> io::Result<Vec<(u64, Run)>> {
    let mut timed = Vec::new();
    for trace in traces {
        let mut builder = read::Builder::new();
        builder.file(trace)?;
        let run = builder.finish();
        timed.push((wall(&run), run));
    }
    timed.sort_by_key(|(wall, _)| *wall);
    Ok(timed)
}
