//! [`Reader`]: record after record of a file, of any form. They aren't decoded yet.

use super::form::{self, Form};
use super::source::Source;
use heirloom_otlp::read::{ReadError, Record, Records};
use heirloom_otlp::Format;
use std::io::{self, BufRead, Read as _};

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Read {
    /// A record.
    Record(Record),
    /// The length of a record isn't one: where, and what was expected. The rest can't be read.
    Lost(String),
    /// The end, and why it isn't one.
    End { cut_off: Option<String> },
}

/// Reads a file.
#[derive(Debug)]
pub(crate) enum Reader<'s> {
    Records(Records<&'s mut Source>),
    Request(Format, Option<&'s mut Source>),
}

impl<'s> Reader<'s> {
    /// Finds out the form. The error says what the file is instead.
    pub(crate) fn new(source: &'s mut Source) -> Result<Self, String> {
        let head = source.fill_buf().map_err(|error| format!("can't read it: {error}"))?;
        match form::of(head) {
            Form::Records(format) => Ok(Self::Records(Records::new(format, source))),
            Form::Request(format) => Ok(Self::Request(format, Some(source))),
            Form::Other(what, advice) => Err(format!("byte 0: expected OTLP, but the file is {what}. {advice}")),
        }
    }

    /// What comes next. The error is one of the system.
    pub(crate) fn next(&mut self) -> Result<Read, String> {
        match self {
            Self::Records(records) => of_records(records),
            Self::Request(format, source) => match source.take() {
                None => Ok(Read::End { cut_off: None }),
                Some(source) => whole(*format, source),
            },
        }
    }
}

fn of_records(records: &mut Records<&mut Source>) -> Result<Read, String> {
    match records.next_record() {
        Ok(Some(record)) => Ok(Read::Record(record)),
        Err(ReadError::Io(error)) => failed(&error),
        Err(error) => Ok(Read::Lost(error.to_string())),
        Ok(None) => Ok(Read::End {
            cut_off: (records.cut_off() > 0).then(|| {
                let bytes = match records.cut_off() {
                    1 => "byte is".to_owned(),
                    many => format!("{many} bytes are"),
                };
                format!("the last {bytes} no whole record: the file was cut off there")
            }),
        }),
    }
}

/// An error of the reader. Compressed bytes that end too early are a file that was cut off.
fn failed(error: &io::Error) -> Result<Read, String> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Ok(Read::End { cut_off: Some("its compressed bytes end too early: the file was cut off".to_owned()) })
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Ok(Read::End { cut_off: Some("its compressed bytes are damaged: the rest was left out".to_owned()) })
        }
        _ => Err(format!("can't read it: {error}")),
    }
}

/// All of a file as one request.
fn whole(format: Format, source: &mut Source) -> Result<Read, String> {
    let mut bytes = Vec::new();
    if let Err(error) = source.read_to_end(&mut bytes) {
        return failed(&error);
    }
    Ok(Read::Record(Record::new(format, bytes)))
}
