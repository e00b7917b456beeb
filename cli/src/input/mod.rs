//! Trace files: opens them, finds out their form, and reads request after request.
//!
//! A file that is cut off, or has a damaged record, is read as far as it goes, with a warning. A file without a single record is an
//! error.

mod form;
mod records;
mod source;

use crate::args::General;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::terminal::{say, shown};
use heirloom_insight::text::units::counted;
use heirloom_otlp::read::{in_order, ReadError, Record, Request};
use records::{Read, Reader};
use source::Source;
use std::path::{Path, PathBuf};

/// How many damaged records of a file have a warning each.
const MAX_WARNINGS: u64 = 5;

/// Reads files, one after the other.
#[derive(Debug)]
pub(crate) struct Input<'p> {
    files: &'p [PathBuf],
    is_strict: bool,
    /// What was wrong with the files, without what exceeded the number of warnings.
    pub(crate) damage: Vec<String>,
}

impl<'p> Input<'p> {
    pub(crate) fn new(files: &'p [PathBuf], general: &General) -> Self {
        Self { files, is_strict: general.strict, damage: Vec::new() }
    }

    /// Calls `each` with each request and the number of its file. Warnings are printed; they are in [`Self::damage`], too.
    pub(crate) fn read(&mut self, each: impl FnMut(usize, Request) -> Result<(), Failure>) -> Result<(), Failure> {
        self.read_as(|record| record.request(), each)
    }

    /// As [`read`](Self::read). Several threads make of each record what `each` gets.
    pub(crate) fn read_as<T: Send>(
        &mut self,
        decode: impl Fn(Record) -> Result<T, ReadError> + Sync,
        mut each: impl FnMut(usize, T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut progress = Progress::new();
        for (number, path) in self.files.iter().enumerate() {
            self.file(path, &mut progress, &decode, |decoded| each(number, decoded))?;
        }
        progress.clear();
        match self.damage.is_empty() || !self.is_strict {
            true => Ok(()),
            false => Err(Failure::Unusable("stopped because of --strict".to_owned())),
        }
    }

    fn file<T: Send>(
        &mut self,
        path: &Path,
        progress: &mut Progress,
        decode: impl Fn(Record) -> Result<T, ReadError> + Sync,
        mut each: impl FnMut(T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut source = Source::open(path)?;
        let position = source.position();
        let (mut whole, mut damaged, mut first) = (0_u64, 0_u64, None);
        let mut reader = Reader::new(&mut source).map_err(|why| Failure::at(path, why))?;
        let mut is_over = false;
        let next = || {
            let next = (!is_over).then(|| reader.next())?;
            is_over = matches!(next, Err(_) | Ok(Read::End { .. }));
            Some(next)
        };
        let decode = |next: Result<Read, String>| {
            Ok(match next? {
                Read::Record(record) => Decoded::Whole(match decode(record) {
                    Ok(decoded) => decoded,
                    Err(error) => return Ok(Decoded::Damaged(error.to_string())),
                }),
                Read::Lost(why) => Decoded::Damaged(why),
                Read::End { cut_off } => Decoded::End { cut_off },
            })
        };
        in_order(next, decode, |decoded: Result<Decoded<T>, String>| {
            match decoded.map_err(|why| Failure::at(path, why))? {
                Decoded::Whole(decoded) => {
                    whole += 1;
                    each(decoded)?;
                }
                Decoded::Damaged(why) => {
                    damaged += 1;
                    if damaged <= MAX_WARNINGS && whole > 0 {
                        self.warn(path, &format!("{why}; the record was left out"), progress);
                    }
                    first.get_or_insert(why);
                }
                Decoded::End { cut_off: None } => {}
                Decoded::End { cut_off: Some(_) } if whole == 0 && damaged == 0 => {
                    return Err(Failure::at(path, form::unknown("byte 0")));
                }
                Decoded::End { cut_off: Some(why) } => self.warn(path, &why, progress),
            }
            progress.show(|| format!("reading {} {}", shown(&path.to_string_lossy()), position.text()));
            Ok(())
        })?;
        match first {
            Some(why) if whole == 0 => Err(Failure::at(path, why)),
            None if whole == 0 => Err(Failure::at(
                path,
                "the file is empty: expected a record of OTLP. The program wrote nothing, or still runs",
            )),
            _ => {
                if damaged > MAX_WARNINGS {
                    let more = damaged - MAX_WARNINGS;
                    let more = counted(more, "more damaged record was left out", "more damaged records were left out");
                    self.warn(path, &more, progress);
                }
                Ok(())
            }
        }
    }

    fn warn(&mut self, path: &Path, why: &str, progress: &mut Progress) {
        progress.clear();
        let text = format!("{}: {why}", shown(&path.to_string_lossy()));
        say(&format!("warning: {text}"));
        self.damage.push(text);
    }
}

/// What became of a record.
enum Decoded<T> {
    Whole(T),
    /// It isn't OTLP: where, and what was expected. Records after it are read.
    Damaged(String),
    /// The end of the file, and why it isn't one.
    End {
        cut_off: Option<String>,
    },
}
