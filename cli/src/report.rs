//! `heirloom report` and `heirloom html`: the analysis, as text, JSON and a page.

use crate::args::{Analysed, General, Html, Report};
use crate::failure::Failure;
use crate::files::{create, is_same};
use crate::progress::during;
use crate::runs;
use crate::terminal::{out, shown};
use heirloom_insight::account::threads;
use heirloom_insight::analysis::Analysis;
use heirloom_insight::model::Run;
use heirloom_insight::text::units::counted;
use heirloom_insight::{analyse, html, text, Options};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a page's progress says.
pub(crate) const WRITING: &str = "writing the page";

/// What an analysis's progress says.
pub(crate) fn analysing(run: &Run) -> String {
    format!("analysing {}", counted(run.spans.len() as u64, "span", "spans"))
}

/// Runs `report`.
pub(crate) fn report(args: &Report, general: &General) -> Result<(), Failure> {
    let (_, analysis) = analysed(&args.input, general)?;
    let mut out = out();
    match args.json {
        true => {
            serde_json::to_writer(&mut out, &analysis).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
        false => out.write_all(text::report_of(&analysis, text::width::of_stdout()).as_bytes())?,
    }
    Ok(out.flush()?)
}

/// Runs `html`.
pub(crate) fn html(args: &Html, general: &General) -> Result<(), Failure> {
    let files = &args.input.files.files;
    let path = match (&args.output, files.first()) {
        (Some(path), _) => path.clone(),
        (None, Some(file)) => page_of(file)?,
        (None, None) => return Err(Failure::Unusable("expected a trace file".to_owned())),
    };
    if files.iter().any(|file| is_same(file, &path)) {
        return Err(Failure::at(&path, "is a file that is read: expected another name with --output"));
    }
    let (run, analysis) = analysed(&args.input, general)?;
    let mut out = out();
    if path.as_os_str() == "-" {
        during(WRITING, || html::write(&run, &analysis, &mut out))?;
        return Ok(out.flush()?);
    }
    let failed = |error| Failure::at(&path, format!("can't write it: {error}"));
    let mut page = BufWriter::with_capacity(256 << 10, create(&path).map_err(failed)?);
    during(WRITING, || html::write(&run, &analysis, &mut page).and_then(|()| page.flush())).map_err(failed)?;
    writeln!(out, "{}", shown(&path.to_string_lossy()))?;
    Ok(out.flush()?)
}

/// Where the page of a trace file is: beside it, with another ending.
fn page_of(file: &Path) -> Result<PathBuf, Failure> {
    if file.as_os_str() == "-" {
        return Err(Failure::Unusable("standard input has no name: expected --output FILE".to_owned()));
    }
    let ends_in = |file: &Path, ending: &str| file.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    // `run.html.part` is what a killed program left, `run.otlp.gz` is compressed.
    let file = match ends_in(file, "part") || ends_in(file, "gz") {
        true => file.with_extension(""),
        false => file.to_owned(),
    };
    Ok(file.with_extension("html"))
}

/// Reads and analyses the files. Of several runs, the one with the median wall time is analysed, of those on the most lanes.
/// Without `--one-lane`, the median one of those on one lane is what it is compared with.
fn analysed(input: &Analysed, general: &General) -> Result<(Run, Analysis), Failure> {
    let files = &input.files.files;
    let one_lane = input.one_lane.as_ref().map(|file| runs::one(std::slice::from_ref(file), general)).transpose()?;
    let mut all = match input.runs {
        true => {
            files.iter().map(|file| runs::one(std::slice::from_ref(file), general)).collect::<Result<Vec<_>, _>>()?
        }
        false => vec![runs::one(files, general)?],
    };
    all.sort_by_cached_key(|run| (threads(run), run.window.end - run.window.start));
    let most = all.last().map_or(0, threads);
    let fewer = all.partition_point(|run| threads(run) < most);
    let run = all.remove((fewer + all.len() - 1) / 2);
    let on_one = &all[..all.partition_point(|run| threads(run) <= 1).min(fewer)];
    let one_lane = one_lane.as_ref().or_else(|| on_one.get(on_one.len().saturating_sub(1) / 2));
    let options = Options { others: &all, on_one_lane: one_lane, ..Options::default() };
    let analysis = during(&analysing(&run), || analyse(&run, &options));
    Ok((run, analysis))
}
