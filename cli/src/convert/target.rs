//! [`Target`]: what a conversion writes to.

use super::chrome::Chrome;
use crate::args::Form;
use crate::failure::Failure;
use crate::files::create;
use heirloom_otlp::read::Request;
use heirloom_otlp::{write, Format};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file or standard output, and the form of what is written there.
pub(super) struct Target {
    out: BufWriter<Box<dyn Write>>,
    /// `None` for standard output.
    path: Option<PathBuf>,
    form: Writer,
    bytes: Vec<u8>,
}

enum Writer {
    Otlp(Format),
    Chrome(Box<Chrome>),
}

impl Target {
    /// Creates the file.
    pub(super) fn open(path: &Path, form: Form) -> Result<Self, Failure> {
        let form = match form {
            Form::Otlp => Writer::Otlp(Format::Protobuf),
            Form::Jsonl => Writer::Otlp(Format::Json),
            Form::Json => Writer::Chrome(Box::default()),
        };
        let is_file = path.as_os_str() != "-";
        let out: Box<dyn Write> = match is_file {
            false => Box::new(io::stdout().lock()),
            true => Box::new(create(path).map_err(|error| Failure::at(path, format!("can't write it: {error}")))?),
        };
        let path = is_file.then(|| path.to_owned());
        Ok(Self { out: BufWriter::with_capacity(256 << 10, out), path, form, bytes: Vec::new() })
    }

    pub(super) fn request(&mut self, request: &Request) -> Result<(), Failure> {
        self.bytes.clear();
        match &mut self.form {
            Writer::Otlp(format) => write::record(*format, request, &mut self.bytes),
            Writer::Chrome(chrome) => chrome.request(request, &mut self.bytes),
        }
        let written = self.out.write_all(&self.bytes);
        written.map_err(|error| self.failed(error))
    }

    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.bytes.clear();
        if let Writer::Chrome(chrome) = &mut self.form {
            chrome.end(&mut self.bytes);
        }
        let written = self.out.write_all(&self.bytes).and_then(|()| self.out.flush());
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Failure {
        match &self.path {
            Some(path) => Failure::at(path, format!("can't write it: {error}")),
            None => error.into(),
        }
    }
}
