//! The report: one HTML file without a network.
//!
//! [`write()`] puts a [`Run`] and its [`Analysis`] into one page. The page's script draws the timeline and everything else; its
//! source is in `insight/web`. The file has five parts:
//!
//! - a Content-Security-Policy that forbids every request and every script but the one in the page, which it names by its SHA-256,
//! - the style sheet and the script, as esbuild wrote them (`report.css`, `report.js`),
//! - `<script id="spans" type="application/octet-stream">`: the spans in columns (`columns.rs`),
//! - `<script id="analysis" type="application/octet-stream">`: the [`Analysis`] as JSON, without its two paths, which are columns,
//! - `<noscript>`: the sentences and notes as text.
//!
//! The two data elements are gzip, encoded as base64. Without the feature `files` they aren't compressed. Browsers don't execute
//! elements of that type. Every text of the program reaches the page as a text node, so that a span named `</script>` is shown and
//! does nothing.
//!
//! [`compare`] writes a page of two runs with the same script.

mod analysis_json;
mod asynchronous;
mod codes;
mod column;
mod columns;
mod comparison;
mod embed;
mod flame;
mod index;
mod layout;
mod page;
mod row;
#[cfg(any(test, not(feature = "files")))]
mod stored;

use crate::analysis::Analysis;
use crate::model::Run;
use std::io::{self, Write};

pub use comparison::{compare, Compared, Comparison, Figure, Name, Verdict};

/// Writes the report of a run as one HTML file.
///
/// A million spans give about 10 MB (with the feature `files`, which compresses) with ids that count up, as Heirloom's do, and
/// about 20 MB with random ids. The memory needed beside the run is about 150 bytes for each span.
///
/// # Errors
/// `out` returned an error.
///
/// ```
/// use heirloom_insight::analysis::Analysis;
/// use heirloom_insight::{html, model::Run};
///
/// let mut page = Vec::new();
/// html::write(&Run::default(), &Analysis::default(), &mut page)?;
/// assert!(page.starts_with(b"<!doctype html>"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(run: &Run, analysis: &Analysis, out: &mut impl Write) -> io::Result<()> {
    page::head("Heirloom report", out)?;
    let texts = analysis.notes.iter().map(|note| &note.text).chain(&analysis.sentences);
    page::without_script("Heirloom report", texts, out)?;
    embed::element("analysis", out, |to| {
        serde_json::to_writer(to, &analysis_json::WithoutPaths(analysis)).map_err(io::Error::from)
    })?;
    embed::element("spans", out, |to| columns::write(run, analysis, to))?;
    page::foot(out)
}
