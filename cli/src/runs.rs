//! Files as runs of a program, for the analysis.

use crate::args::General;
use crate::failure::Failure;
use crate::input::Input;
use crate::progress::during;
use heirloom_insight::model::{Note, NoteKind, Run};
use heirloom_insight::read::{Builder, Piece};
use heirloom_insight::text::units::counted;
use std::fs;
use std::path::{Path, PathBuf};

/// The endings of files that a folder's runs have.
const ENDINGS: &[&str] = &["otlp", "jsonl", "gz"];

/// All files as one run: the processes of one program.
pub(crate) fn one(files: &[PathBuf], general: &General) -> Result<Run, Failure> {
    let mut builder = Builder::new();
    let mut input = Input::new(files, general);
    let decode = |record| Piece::of(&record).map(|piece| (record, piece));
    input.read_as(decode, |_, (record, piece)| {
        builder.piece(&record, piece);
        Ok(())
    })?;
    let sorting = format!("sorting {}", counted(builder.len() as u64, "span", "spans"));
    let mut run = during(&sorting, || builder.finish());
    if run.spans.is_empty() {
        let names: Vec<_> = files.iter().map(|file| crate::terminal::shown(&file.to_string_lossy())).collect();
        return Err(Failure::Unusable(format!("{}: expected a trace, but it has no span", names.join(", "))));
    }
    if run.program.is_empty() {
        run.program =
            files.first().and_then(|file| file.file_stem()).unwrap_or_default().to_string_lossy().into_owned();
    }
    run.notes.extend(input.damage.into_iter().map(|text| Note { kind: NoteKind::Damaged, text: format!("{text}.") }));
    Ok(run)
}

/// A side of a comparison: a file is a run, and a folder has a file for each run.
pub(crate) fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| Failure::at(path, format!("can't read the folder: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_trace = file.extension().and_then(|e| e.to_str()).is_some_and(|ending| ENDINGS.contains(&ending));
        if is_trace && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Failure::at(path, "expected a folder with files that end in .otlp, .jsonl or .gz")),
        false => Ok(files),
    }
}
