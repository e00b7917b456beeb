//! The analysis of the run: the three sentences, and the report in HTML.

use heirloom::insight::read::Collector;
use heirloom::insight::{analyse, html, text, Options};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The graph of the simulated what-ifs has so many nodes at most: the profile `demo` doesn't optimise, and its user waits.
const MOST_NODES: usize = 500;

/// Analyses what was collected and writes the report. Returns the sentences, what weakens them, and the report's path, or why there
/// is no report. `exact` simulates with as many nodes as an analysis has by default.
pub(crate) fn write(spans: &Collector, path: &Path, exact: bool) -> Result<String, String> {
    let run = spans.take().finish();
    let default = Options::default();
    let most_nodes = if exact { default.most_nodes } else { MOST_NODES };
    let analysis = analyse(&run, &Options { most_nodes, ..default });
    let save = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        html::write(&run, &analysis, &mut out)?;
        out.flush()
    };
    save().map_err(|error| format!("can't write the report {}: {error}", path.display()))?;
    let mut text = text::summary(&analysis);
    // Writing to a `String` can't fail.
    let _ = writeln!(text, "\nreport: {}", path.display());
    Ok(text)
}
