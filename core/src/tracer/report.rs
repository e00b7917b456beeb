//! What `finish` returns.

use super::{FlushError, Tracer};
use crate::diagnostics::{Cause, Diagnostic, Level};
use crate::environment;
use crate::pipeline::{Complete, How, Ledger};
use crate::shm::Attachment;
use crate::text::plural;
use std::fmt;
use std::time::Duration;

/// What became of every span, and what was not done by the deadline. Its `Display` writes the problems as sentences, and
/// the ledger as the last line.
#[derive(Clone, Debug, Default)]
pub struct Report {
    ledger: Ledger,
    problems: Vec<String>,
    /// What each of the problems is about.
    about: Vec<About>,
}

/// The cause of a problem, and the exporter that has it.
type About = (Cause, Option<String>);

impl Report {
    /// Counts that account for every span.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What went wrong or was not done, one sentence each. Empty if everything was delivered.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whether everything that was recorded reached every exporter, and the ledger balances.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.ledger.is_balanced()
    }

    pub(super) fn inert(disabled: bool) -> Self {
        let why = if disabled {
            "recording is disabled by the settings (OTEL_SDK_DISABLED)"
        } else {
            "this process is the child of a fork, and the tracer is its parent's: call `init` here to record here"
        };
        // No cause: nothing is lost that the program could expect.
        Self { ledger: Ledger::default(), problems: vec![why.to_owned()], about: Vec::new() }
    }

    pub(super) fn own_thread(tracer: &Tracer) -> Self {
        let mut report = Self::of(tracer);
        report.add(
            Cause::NotFinished,
            "called on one of Heirloom's own threads (an exporter's, that of `on_diagnostic`): the tracer was not finished",
        );
        report
    }

    pub(super) fn of_running(tracer: &Tracer, flushed: Result<(), FlushError>) -> Self {
        let mut report = Self::of(tracer);
        if let Err(error) = flushed {
            report.add(Cause::NotFinished, format!("flush: {error}"));
        }
        report
    }

    /// The parent's ledger has the rest of the counts.
    pub(super) fn of_child(tracer: &Tracer, region: &Attachment, running_jobs: usize) -> Self {
        let mut report = Self::of(tracer);
        report.add_running(running_jobs);
        if region.is_orphaned() {
            match region.unread() {
                0 if region.is_closed() => {}
                0 => report.add(
                    Cause::NotDelivered,
                    "the parent process has ended before its tracer finished: what it had read of this process's spans \
                     and had not exported is lost",
                ),
                unread => report.add(
                    Cause::NotDelivered,
                    format!(
                        "the parent process has ended: what {unread} {} since then was not read",
                        plural(unread as u64, "shard of this process holds", "shards of this process hold")
                    ),
                ),
            }
        }
        report.add_losses(tracer);
        report
    }

    pub(super) fn of_finished(
        tracer: &Tracer,
        outcome: Result<Vec<String>, usize>,
        running_jobs: usize,
        took: Duration,
    ) -> Self {
        let mut report = Self::of(tracer);
        report.add_running(running_jobs);
        match outcome {
            Ok(failures) => failures.into_iter().for_each(|failure| report.add(Cause::ExportFailed, failure)),
            Err(parts) => report.add(
                Cause::NotFinished,
                format!(
                    "not finished after {took:.1?}: {parts} of the collector and the exporters {} still at work",
                    plural(parts as u64, "is", "are")
                ),
            ),
        }
        report.add_losses(tracer);
        report
    }

    /// The problems as messages, one for each.
    pub(super) fn messages(&self) -> impl Iterator<Item = Diagnostic> + '_ {
        self.problems.iter().zip(&self.about).map(|(problem, (cause, exporter))| {
            let message = Diagnostic::new(Level::Warn, *cause, problem);
            match exporter {
                Some(name) => message.about(name.clone()),
                None => message,
            }
        })
    }

    fn of(tracer: &Tracer) -> Self {
        Self { ledger: tracer.ledger(), ..Self::default() }
    }

    fn add(&mut self, cause: Cause, problem: impl Into<String>) {
        self.problems.push(problem.into());
        self.about.push((cause, None));
    }

    fn add_running(&mut self, jobs: usize) {
        if jobs > 0 {
            let what = plural(
                jobs as u64,
                "background job still ran; what it records from now on is lost",
                "background jobs still ran; what they record from now on is lost",
            );
            self.add(Cause::NotFinished, format!("{jobs} {what}"));
        }
    }

    /// The losses that the ledger counts.
    fn add_losses(&mut self, tracer: &Tracer) {
        let complete = tracer.shared().waiting.complete.as_ref();
        complete.and_then(Complete::ended).into_iter().for_each(|why| self.add(Cause::NotComplete, why));
        for loss in tracer.shared().losses(&self.ledger).iter().filter(|loss| loss.count > 0) {
            self.add(loss.cause, loss.sentence());
        }
        self.add_losses_of_exporters(tracer);
        if self.ledger.exporters.is_empty() && self.ledger.assembled > 0 {
            let problem = format!(
                "{} {} delivered nowhere: there is no exporter ({})",
                self.ledger.assembled,
                plural(self.ledger.assembled, "span was", "spans were"),
                how_to_export()
            );
            self.add(Cause::NoExporter, problem);
        }
    }

    fn add_losses_of_exporters(&mut self, tracer: &Tracer) {
        let mut found = Vec::new();
        for (at, exporter) in self.ledger.exporters.iter().enumerate() {
            let mut lost = |n: u64, cause, why: String| {
                if n > 0 {
                    let problem =
                        format!("exporter {:?} lost {n} {}: {why}", exporter.name, plural(n, "span", "spans"));
                    found.push((problem, cause, &exporter.name));
                }
            };
            for how in How::ALL {
                let reason = tracer.shared().queues.get(at).map(|queue| queue.why(how)).unwrap_or_default();
                let why = match how {
                    How::QueueFull => reason,
                    How::Failed => format!("it failed ({reason})"),
                    How::Panicked => format!("it panicked ({})", reason.trim_start_matches("it panicked: ")),
                };
                lost(how.count(&exporter.dropped), how.cause(), why);
            }
            let leaves = tracer.shared().queues.get(at).is_some_and(|queue| queue.is_leaving());
            match exporter.queued {
                0 => {}
                n if leaves => lost(n, Cause::NotDelivered, "its thread ended the process".to_owned()),
                n => {
                    let were = plural(n, "span was", "spans were");
                    let problem = format!("exporter {:?}: {n} {were} not delivered by the deadline", exporter.name);
                    found.push((problem, Cause::NotDelivered, &exporter.name));
                }
            }
        }
        let found: Vec<_> = found.into_iter().map(|(problem, cause, name)| (problem, cause, name.clone())).collect();
        for (problem, cause, name) in found {
            self.problems.push(problem);
            self.about.push((cause, Some(name)));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "heirloom: {problem}")?;
        }
        write!(f, "{}", self.ledger)
    }
}

/// What to do without an exporter. Who names a collector in the environment may lack the feature that reads it.
fn how_to_export() -> String {
    const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    let is_set = |name: &&str| environment::variable(name, &[]).is_some_and(|value| !value.is_empty());
    match ENDPOINTS.into_iter().find(is_set) {
        Some(name) => format!("{name} needs the feature \"otlp\" of the crate `heirloom`"),
        None => "set HEIRLOOM_TRACE_FILE, or give the builder one".to_owned(),
    }
}
