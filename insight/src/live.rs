//! [`Tree`]: shows what a program did when its tracer finishes.

use crate::read::Collector;
use crate::{analyse, at_finish, text};
use heirloom_core::export::{Delivery, ExportError, Exporter, MarkData, MarkRef, SpanData};
use heirloom_core::mark::{MarkKind, StageKind};
use heirloom_core::tree::{render, TreeOptions};
use heirloom_core::{environment, ConfigWarning, Extension, Settings};
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

const VARIABLE: &str = "HEIRLOOM_TREE";

/// Spans that the tree shows, with their attributes, so that it stays readable.
const MAX_SHOWN: usize = 50_000;

/// Looks up a variable.
type Variable = dyn Fn(&str) -> Option<OsString> + Send;

/// With `HEIRLOOM_TREE=1`, a program's tracer writes to standard error when it finishes: first the findings of the
/// [analysis](crate::analyse), then its spans as a [tree](heirloom_core::tree::render). An extension of a tracer: the crate
/// `heirloom` adds it to its `init` and `builder` if its feature `analysis` is on.
///
/// | `HEIRLOOM_TREE` | what is written |
/// |---|---|
/// | not set, empty, `0`, `false` | nothing |
/// | `1`, `true` | findings and tree |
///
/// The strips of the lanes are as wide as the [terminal](crate::text::width::of_stderr).
/// The analysis keeps the first two million spans in memory, the tree the first 50,000. The output states how many are missing.
/// `finish` waits for it for two minutes at most, in addition to its own timeout. A program with
/// more rights than its user ignores the variable, since it would show what the program recorded.
///
/// ```
/// let guard = heirloom_core::builder("shop").extension(heirloom_insight::live::Tree::from_env()).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
pub struct Tree {
    variable: Box<Variable>,
    wanted: bool,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree")
    }
}

impl Tree {
    /// The extension for this process's environment, which is read when a tracer starts.
    pub fn from_env() -> Self {
        Self::from_variables(|name| environment::variable(name, &[]))
    }

    /// The same for these variables instead of the environment's.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString> + Send + 'static) -> Self {
        Self { variable: Box::new(variable), wanted: false }
    }
}

impl Extension for Tree {
    fn check(&mut self, _: &Settings) -> Vec<ConfigWarning> {
        let value = (self.variable)(VARIABLE).unwrap_or_default();
        let value = value.to_string_lossy().trim().to_ascii_lowercase();
        self.wanted = matches!(value.as_str(), "1" | "true");
        match value.as_str() {
            "" | "0" | "1" | "false" | "true" => Vec::new(),
            other => vec![ConfigWarning::new(VARIABLE, other, "true, 1, false or 0")],
        }
    }

    fn variables(&self) -> &'static [&'static str] {
        &[VARIABLE]
    }

    fn exporters(&mut self, _: &Settings) -> Vec<Box<dyn Exporter>> {
        match self.wanted {
            true => vec![Box::new(Show { columns: text::width::of_stderr, ..Show::new(io::stderr()) })],
            false => Vec::new(),
        }
    }
}

/// An exporter that writes findings and tree when the tracer finishes. [`Tree`] makes it for standard error.
///
/// ```
/// use heirloom_insight::live::Show;
/// let guard = heirloom_core::builder("shop").exporter(Show::new(std::io::sink())).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Debug)]
pub struct Show<W> {
    collector: Collector,
    shown: Vec<SpanData>,
    /// When jobs were submitted.
    submitted: Vec<MarkData>,
    /// Spans that the tree doesn't show.
    beyond: u64,
    /// How wide the text may be, when it is written.
    columns: fn() -> usize,
    out: W,
}

impl<W: Write> Show<W> {
    /// Writes there, lines of 80 columns.
    pub fn new(out: W) -> Self {
        let collector = Collector::bounded(at_finish::MAX_SPANS);
        Self { collector, shown: Vec::new(), submitted: Vec::new(), beyond: 0, columns: || 80, out }
    }

    fn text(&mut self) -> String {
        let run = self.collector.take().finish();
        let mut text = text::report_of(&analyse(&run, &at_finish::options()), (self.columns)());
        text.push_str("\nTree\n");
        text.push_str(&render(&self.shown, &TreeOptions::new().lanes(true).marks(&self.submitted)));
        if self.beyond > 0 {
            text.push_str(&format!(
                "and {} more, which the tree doesn't show\n",
                text::units::counted(self.beyond, "span", "spans")
            ));
        }
        (self.shown, self.submitted) = (Vec::new(), Vec::new());
        text
    }
}

impl<W: Write + Send + 'static> Exporter for Show<W> {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.collector.export(delivery)?;
        for span in delivery.spans() {
            match self.shown.len() < MAX_SHOWN {
                true => self.shown.push(span.to_data()),
                false => self.beyond += 1,
            }
        }
        let is_submitted =
            |mark: &MarkRef<'_>| mark.kind() == MarkKind::Stage && mark.a() == StageKind::Submitted as u64;
        let submitted = delivery.parts().flat_map(|part| part.marks()).filter(is_submitted);
        self.submitted.extend(submitted.take(MAX_SHOWN - self.submitted.len()).map(|mark| mark.to_data()));
        Ok(())
    }

    /// Two minutes: the analysis of as many spans as there is room for takes a part of that.
    fn shutdown_timeout(&self) -> Option<Duration> {
        Some(at_finish::PATIENCE)
    }

    /// Writes, if there was a span.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let text = self.text();
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| ExportError::new(format!("the tree can't be written: {error}")))
    }

    fn name(&self) -> &str {
        "tree"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, Sender};

    /// Takes longer to write to than `finish` waits for the delivery of spans.
    struct Slow(Sender<String>);

    impl Write for Slow {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(1200));
            let _ = self.0.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_takes_longer_than_the_timeout_of_finish_is_written_all_the_same() {
        let (sender, written) = channel();
        let builder = heirloom_core::builder("shop").finish_timeout(Duration::from_secs(1));
        let guard = builder.exporter(Show::new(Slow(sender))).start().unwrap();
        guard.tracer().root("sell").end();
        drop(guard.finish());
        let text: String = written.try_iter().collect();
        assert!(text.contains("Tree") && text.contains("sell"), "{text}");
    }

    /// Sends what is written.
    struct Sending(Sender<String>);

    impl Write for Sending {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_asynchronous_span_shows_busy_ready_and_idle() {
        let (sender, written) = channel();
        let guard = heirloom_core::builder("shop").exporter(Show::new(Sending(sender))).start().unwrap();
        let root = guard.tracer().root("sell");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            heirloom_pool::tokio::spawn(root.context(), "pack", |_| tokio::task::yield_now()).await.unwrap();
        });
        root.end();
        drop(guard.finish());
        let text: String = written.try_iter().collect();
        let tree = text.split_once("\nTree\n").unwrap().1;
        let line = tree.lines().find(|line| line.contains("pack")).unwrap();
        assert!(line.contains("(busy ") && line.contains(" in 2 polls, ready ") && line.contains(", idle "), "{line}");
    }
}
