//! [`Report`]: an exporter that writes a report when its tracer finishes.

use super::part::Part;
use super::prune::{Newest, Removed, Room};
use crate::model::{Note, NoteKind, Run};
use crate::read::Builder;
use crate::text::units::counted;
use crate::{analyse, at_finish, html};
use heirloom_core::export::{Delivery, ExportError, Exporter, TraceFile};
use heirloom_otlp::Format;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of the room for spans, this part, one in so many, is for spans of old traces that stay because they have marks of newer ones.
const FOR_MARKS: u64 = 8;

/// Writes finished spans to a file of OTLP, and a [report](crate::html) of them when the tracer finishes.
///
/// For `run.html` the file of OTLP is `run.html.part`, which the report replaces. If the program is killed, the part file stays,
/// and has every span that a flush waited for: [`Builder::file`](crate::read::Builder::file) reads it.
///
/// The part file is bounded. Beyond the bound, the traces that had no new span for the longest time are removed from it, until
/// half of the bound is left; a note of the report states how many spans were removed. A single trace that is larger than the
/// bound isn't removed: its further spans are refused, and the tracer's ledger counts them as lost.
///
/// The report has room for two million spans ([`max_spans`](Self::max_spans)). If the part file has more, the report has the
/// newest whole traces, and a note says how many spans it doesn't have. Of a trace that is larger by itself, it has the spans that
/// ended first.
///
/// `finish` waits until the report is written, for two minutes at most. That time is not part of
/// [`finish_timeout`](heirloom_core::Builder::finish_timeout), which covers the delivery of the spans. If writing takes longer, the
/// report of `finish` states that, and the part file stays. A million spans took 4.3 s and 480 MB on two cores (release build,
/// 2026-11-28, measured once, not recorded).
///
/// ```
/// use heirloom_insight::file::Report;
///
/// let path = std::env::temp_dir().join(format!("shop-{}.html", std::process::id()));
/// let guard = heirloom_core::builder("shop").exporter(Report::create(&path, 1 << 20)?).start()?;
/// guard.tracer().in_root("order", |_| ());
/// guard.finish();
/// assert!(std::fs::read_to_string(&path)?.starts_with("<!doctype html>"));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Report {
    part: Part,
    path: PathBuf,
    max_spans: usize,
}

impl Report {
    /// Creates the part file, readable for its owner only and locked, of at most `max_bytes`. If another process is writing it, the
    /// report is called `name-PID-N.html`.
    ///
    /// # Errors
    /// The part file can't be created, or isn't safe to write: see [`TraceFile::create`].
    pub fn create(path: impl AsRef<Path>, max_bytes: u64) -> io::Result<Self> {
        let asked = path.as_ref();
        let part = Part::create(&with(asked, ".part"), max_bytes)?;
        let path = report_of(asked, part.path());
        Ok(Self { part, path, max_spans: at_finish::MAX_SPANS })
    }

    /// Sets for how many spans the report has room; the default is two million. A million took 480 MB of memory.
    #[must_use]
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// The path of the report. It is not the one given to [`create`](Self::create) if that has another writer.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn run(&self) -> io::Result<Run> {
        let mut builder = Builder::bounded(self.max_spans);
        let left_out = self.read(&mut builder)?;
        let mut run = builder.finish();
        let mut note = |older: Removed, [was, were]: [&str; 2], why: String| {
            if older.spans > 0 {
                let (spans, traces) =
                    (counted(older.spans, "span", "spans"), counted(older.traces, "older trace", "older traces"));
                let were = if older.spans == 1 { was } else { were };
                let text = format!("{spans} of {traces} {were}{why}.");
                run.notes.push(Note { kind: NoteKind::Dropped, text });
            }
        };
        let bytes = counted(self.part.max_bytes(), "byte", "bytes");
        note(
            self.part.dropped(),
            ["was removed", "were removed"],
            format!(", since the trace file may have {bytes} at most (HEIRLOOM_TRACE_BYTES)"),
        );
        let spans = counted(self.max_spans as u64, "span", "spans");
        note(
            left_out,
            ["is left out", "are left out"],
            format!(
                ": a report that a program makes of itself has room for {spans}; \
                 `heirloom html` has no such bound for a trace file that ends in .otlp"
            ),
        );
        Ok(run)
    }

    /// Reads the part file: the newest whole traces, if it has more spans than there is room for. Returns what was left out.
    fn read(&self, builder: &mut Builder) -> io::Result<Removed> {
        let (path, room) = (self.part.path(), self.max_spans as u64);
        if self.part.spans() <= room {
            return builder.file(path).map(|()| Removed::default());
        }
        let room = Room::Spans(room - room / FOR_MARKS);
        let mut newest = Newest::of(File::open(path)?, room)?;
        builder.records(&path.to_string_lossy(), Format::Protobuf, &mut newest)?;
        Ok(newest.removed())
    }

    /// Writes the report beside its path first, so that it is there as a whole or not at all.
    fn write(&self) -> io::Result<()> {
        let run = self.run()?;
        let analysis = analyse(&run, &at_finish::options());
        let file = TraceFile::create(with(&self.path, ".new"))?;
        let new = file.path().to_owned();
        let mut out = BufWriter::new(file);
        html::write(&run, &analysis, &mut out)
            .and_then(|()| out.flush())
            .inspect_err(|_| drop(fs::remove_file(&new)))?;
        fs::rename(&new, &self.path)?;
        fs::remove_file(self.part.path())
    }
}

impl Exporter for Report {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.part.export(delivery)
    }

    /// Makes the report.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        self.write().map_err(|error| {
            let (path, part) = (&self.path, self.part.path());
            ExportError::new(format!("can't write the report {path:?}: {error}. What was recorded is in {part:?}"))
        })
    }

    fn shutdown_timeout(&self) -> Option<Duration> {
        Some(at_finish::PATIENCE)
    }

    fn name(&self) -> &str {
        "trace file"
    }
}

/// A path with something behind its name.
fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// The report's path: what the part file has between the two endings, it has too.
fn report_of(asked: &Path, part: &Path) -> PathBuf {
    let text = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (name, part) = (text(asked), text(part));
    let between = part.strip_prefix(&name).and_then(|rest| rest.strip_suffix(".part")).unwrap_or_default();
    if between.is_empty() {
        return asked.to_owned();
    }
    let mut other = OsString::from(asked.file_stem().unwrap_or_default());
    other.push(between);
    other.push(".");
    other.push(asked.extension().unwrap_or_default());
    asked.with_file_name(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_s_report_has_its_part_file_s_number() {
        for (part, report) in [("a/run.html.part", "a/run.html"), ("a/run.html-7-1.part", "a/run-7-1.html")] {
            assert_eq!(report_of(Path::new("a/run.html"), Path::new(part)), Path::new(report));
        }
    }
}
